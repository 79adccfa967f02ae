/** Things for tests: one page by itself, and an API that answers what the test says. */

import { createApp, nextTick, type Component } from 'vue'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import { vi } from 'vitest'
import { i18n, setLocale } from '@/i18n'

export interface Asked {
  method: string
  url: URL
  body: unknown
  key: string | null
}

/** Every request is answered by what `answer` returns, or promises: an object with status 200, or a Response of its own. The list is what was asked. */
export function answering(answer: (asked: Asked) => unknown): Asked[] {
  const list: Asked[] = []
  vi.stubGlobal('fetch', async (request: Request) => {
    const text = request.method === 'GET' ? '' : await request.text()
    const asked = { method: request.method, url: new URL(request.url), body: text ? JSON.parse(text) : undefined, key: request.headers.get('Idempotency-Key') }
    list.push(asked)
    const said = await answer(asked)
    return said instanceof Response ? said : problem(said, 200)
  })
  return list
}

export function problem(body: unknown, status: number): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } })
}

/** The page; `gone` takes it away again. */
export async function mounted(page: Component, props: Record<string, unknown> = {}, at = '/'): Promise<{ root: HTMLElement; router: Router; gone: () => void }> {
  setLocale('zh-CN') // which a page's settings may have changed to the browser's
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:all(.*)*', component: { render: () => null } }] })
  await router.push(at)
  const root = document.body.appendChild(document.createElement('div'))
  const app = createApp(page, props).use(router).use(i18n)
  app.mount(root)
  await nextTick()
  const gone = () => {
    app.unmount()
    root.remove()
  }
  return { root, router, gone }
}

/** The button of these words. */
export function button(root: HTMLElement, words: string): HTMLButtonElement {
  const found = [...root.querySelectorAll('button')].find((one) => one.textContent?.trim() === words)
  if (!found) throw new Error(`no button ${words} in ${root.textContent}`)
  return found
}
