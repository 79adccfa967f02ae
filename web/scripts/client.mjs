// Types of the API, from the documents that the services write of themselves (docs/openapi): what changes there breaks the
// type check here; and which requests are open to everybody. Writes a file only if it changes, so that builds need not start anew.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import openapiTS, { astToString } from 'openapi-typescript'

const DOCUMENTS = ['user-svc', 'schedule-svc', 'booking-svc', 'payment-svc', 'notify-svc', 'audit']
// what has a default may be left out of what one sends
const OPTIONS = { defaultNonNullable: false }
const here = new URL('.', import.meta.url)
const target = new URL('../src/api/generated/', here)

await mkdir(target, { recursive: true })
const open = []
const closed = []
for (const name of DOCUMENTS) {
  const source = new URL(`../../docs/openapi/${name}.json`, here)
  await write(name.replace('-svc', ''), `docs/openapi/${name}.json`, astToString(await openapiTS(source, OPTIONS)))
  const document = JSON.parse(await readFile(source, 'utf8'))
  open.push(...requestsOf(document, true))
  closed.push(...requestsOf(document, false))
}
// a path without gaps comes before one with gaps that would fit it too: sessions/drafts is not what is open as sessions/{id}
const not = closed.filter((request) => open.some((other) => new RegExp(`^${other}$`).test(request)))
await write('open', 'docs/openapi', `/** Which requests are open to everybody: method and path. */\nexport const OPEN = /^${not.length ? `(?!(?:${anyOf(not)})$)` : ''}(?:${anyOf(open)})$/\n`)

function anyOf(requests) {
  return [...new Set(requests)].sort().map((request) => request.replaceAll('/', '\\/')).join('|')
}

async function write(name, from, content) {
  const text = `// Generated from ${from} by scripts/client.mjs.\n\n${content}`
  const file = new URL(`${name}.ts`, target)
  const before = await readFile(file, 'utf8').catch(() => '')
  if (before !== text) await writeFile(file, text)
}

/** As patterns. Open is what says that it needs no security, where the document asks for some. */
function requestsOf({ paths }, open) {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { security }]) => (security?.length === 0) === open)
      .map(([method]) => `${method.toUpperCase()} ${path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}`),
  )
}
