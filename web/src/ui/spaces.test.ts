/** Vue drops a space at either end of an element that holds nothing but {{ }} beside it: two words on the screen become one. */

import { expect, it } from 'vitest'

const pages = import.meta.glob<string>('../**/*.vue', { query: '?raw', import: 'default', eager: true })
const LOST = [/<[A-Za-z][^<>]*[^/<>]> +\{\{.*/g, /.*\}\} +<\/\w+>/g]

it('no template has a space that nobody will see', () => {
  expect(Object.keys(pages).length).toBeGreaterThan(100)
  const lost = Object.entries(pages).flatMap(([page, source]) => LOST.flatMap((form) => source.match(form) ?? []).map((line) => `${page}: ${line.trim()}`))
  expect(lost).toEqual([])
})
