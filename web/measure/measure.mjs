// Lighthouse on the phone profile, with simulated throttling, by a Chromium that is here already. Reads what to do from the
// standard input, {chrome, flags, base, username, password, runs, pages: [{name, path, login}]}, and writes one line of JSON for each page.
import { text } from 'node:stream/consumers'
import lighthouse from 'lighthouse'
import puppeteer from 'puppeteer-core'

const CATEGORIES = ['performance', 'accessibility', 'best-practices']
const wanted = JSON.parse(await text(process.stdin))

const browser = await puppeteer.launch({ executablePath: wanted.chrome, args: wanted.flags, headless: true })
try {
  for (const page of wanted.pages) {
    const results = []
    for (let run = 0; run < wanted.runs; run++) results.push(await measure(page))
    results.sort((a, b) => a.scores.performance - b.scores.performance)
    console.log(JSON.stringify({ name: page.name, runs: results.length, ...results[Math.floor(results.length / 2)] }))
  }
} finally {
  await browser.close()
}

/** One first visit: with nothing cached, and logged in if the page is for those who are. */
async function measure(page) {
  const context = await browser.createBrowserContext()
  try {
    const tab = await context.newPage()
    if (page.login) await logIn(tab)
    const { lhr } = await lighthouse(wanted.base + page.path, { onlyCategories: CATEGORIES, output: 'json' }, undefined, tab)
    if (lhr.runtimeError) throw new Error(lhr.runtimeError.message)
    return summary(lhr)
  } finally {
    await context.close()
  }
}

/** As the login page does it: the refresh token is what a browser keeps (src/api/session.ts). */
async function logIn(tab) {
  await tab.goto(`${wanted.base}/login`)
  await tab.evaluate(async (username, password) => {
    const headers = { 'Content-Type': 'application/json' }
    const answer = await fetch('/api/v1/tokens', { method: 'POST', headers, body: JSON.stringify({ username, password }) })
    if (!answer.ok) throw new Error(`login: ${answer.status}`)
    localStorage.setItem('haoyuan.login', (await answer.json()).refresh_token)
  }, wanted.username, wanted.password)
}

function summary(lhr) {
  const requests = lhr.audits['network-requests'].details.items
  const scripts = requests.filter((each) => each.resourceType === 'Script')
  const wrong = Object.values(lhr.audits).filter((each) => each.scoreDisplayMode === 'binary' && each.score === 0)
  return {
    landed: new URL(lhr.finalDisplayedUrl).pathname,
    scores: Object.fromEntries(CATEGORIES.map((name) => [name, Math.round(lhr.categories[name].score * 100)])),
    script_bytes: scripts.reduce((sum, each) => sum + each.transferSize, 0),
    all_bytes: requests.reduce((sum, each) => sum + (each.transferSize ?? 0), 0),
    first_paint_ms: Math.round(lhr.audits['first-contentful-paint'].numericValue),
    largest_paint_ms: Math.round(lhr.audits['largest-contentful-paint'].numericValue),
    blocked_ms: Math.round(lhr.audits['total-blocking-time'].numericValue),
    shift: lhr.audits['cumulative-layout-shift'].numericValue,
    wrong: wrong.map((each) => each.title),
  }
}
