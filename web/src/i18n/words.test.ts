/** Every word that the pages use exists, in both languages, with the same values in it. */

import { describe, expect, it } from 'vitest'
import { common } from './common'

type Words = { [key: string]: string | Words }
const modules = import.meta.glob<{ messages: Record<'zh-CN' | 'en', Words> }>('../**/messages.ts', { eager: true })
const sources = import.meta.glob<string>(['../**/*.vue', '../**/*.ts', '!../**/*.test.ts', '!../api/generated/*'], {
  eager: true,
  query: '?raw',
  import: 'default',
})

function flat(words: Words, before = ''): Record<string, string> {
  return Object.fromEntries(
    Object.entries(words).flatMap(([key, value]) =>
      typeof value === 'string' ? [[before + key, value]] : Object.entries(flat(value, `${before}${key}.`)),
    ),
  )
}

const areas = [common as Record<'zh-CN' | 'en', Words>, ...Object.values(modules).map((module) => module.messages)]
const zh: Record<string, string> = Object.assign({}, ...areas.map((area) => flat(area['zh-CN'])))
const en: Record<string, string> = Object.assign({}, ...areas.map((area) => flat(area.en)))
const valuesIn = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((hit) => hit[1]).sort()

describe('words', () => {
  it('are the same in both languages', () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(zh).sort())
  })

  it('are not empty, and say the same values', () => {
    expect(Object.keys(zh).filter((key) => !zh[key]!.trim() || !en[key]!.trim())).toEqual([])
    expect(Object.keys(zh).filter((key) => new Set([...valuesIn(zh[key]!), '|', ...valuesIn(en[key]!)]).size !== new Set(valuesIn(zh[key]!)).size + 1)).toEqual([])
  })

  it('are Chinese in Chinese', () => {
    const foreign = Object.keys(zh).filter((key) => !/[\u4e00-\u9fff]/.test(zh[key]!) && zh[key] === en[key] && /[a-z]{4}/i.test(zh[key]!))
    expect(foreign).toEqual([])
  })

  it('exist, wherever a page asks for them by name', () => {
    const missing = Object.entries(sources).flatMap(([file, text]) =>
      [...text.matchAll(/\bt\(\s*'([\w.]+)'/g)].map((hit) => hit[1]!).filter((key) => !(key in zh)).map((key) => `${file}: ${key}`),
    )
    expect(missing).toEqual([])
  })
})
