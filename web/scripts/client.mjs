// Types of the API, from the documents that the services write of themselves (docs/openapi): what changes there breaks the
// type check here. Writes a file only if it changes, so that builds need not start anew.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import openapiTS, { astToString } from 'openapi-typescript'

const DOCUMENTS = ['user-svc', 'schedule-svc', 'booking-svc', 'payment-svc', 'notify-svc', 'audit']
// what has a default may be left out of what one sends
const OPTIONS = { defaultNonNullable: false }
const here = new URL('.', import.meta.url)
const target = new URL('../src/api/generated/', here)

await mkdir(target, { recursive: true })
for (const name of DOCUMENTS) {
  const source = new URL(`../../docs/openapi/${name}.json`, here)
  const text = `// Generated from docs/openapi/${name}.json by scripts/client.mjs.\n\n` + astToString(await openapiTS(source, OPTIONS))
  const file = new URL(`${name.replace('-svc', '')}.ts`, target)
  const before = await readFile(file, 'utf8').catch(() => '')
  if (before !== text) await writeFile(file, text)
}
