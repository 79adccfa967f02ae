/** Files for the person at the screen: what a service writes (with the token, which a plain link cannot send), or what the page holds. */

import { Problem, Unreachable } from '@/api/problem'
import { send } from '@/api/send'

/** Fetch `path` and save it under `name`. Raises Problem or Unreachable. */
export async function download(path: string, name: string): Promise<void> {
  const response = await send(new Request(new URL(path, window.location.origin)))
  if (!response.ok) throw new Problem(response.status, (await response.json().catch(() => ({}))) as Record<string, unknown>)
  const content = await response.blob().catch((cause: unknown) => {
    throw new Unreachable(cause) // it broke off on its way
  })
  save(content, name)
}

export function save(content: Blob, name: string): void {
  const url = URL.createObjectURL(content)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
