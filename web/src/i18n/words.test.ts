/** Every word that the pages use exists, in both languages, with the same values in it. */

import { describe, expect, it } from 'vitest'

type Words = { [key: string]: string | Words }
type Both = Record<'zh-CN' | 'en', Words>
/** Whatever is exported that has both languages, wherever: areas keep their words as they like. */
const modules = import.meta.glob<Record<string, unknown>>(['../**/*.ts', '!../**/*.test.ts', '!../main.ts', '!../**/golden/**', '!../api/generated/*'], { eager: true })
const hasBoth = (value: unknown): value is Both => typeof value === 'object' && value !== null && 'zh-CN' in value && 'en' in value
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

const areas = Object.values(modules).flatMap((module) => Object.values(module).filter(hasBoth))
const made = Object.entries(sources).filter(([, text]) => /(=|default) both\(/.test(text)).map(([file]) => file)
const zh: Record<string, string> = Object.assign({}, ...areas.map((area) => flat(area['zh-CN'])))
const en: Record<string, string> = Object.assign({}, ...areas.map((area) => flat(area.en)))
const valuesIn = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((hit) => hit[1]).sort()

describe('words', () => {
  it('are found wherever they are made', () => {
    const found = Object.keys(modules).filter((file) => Object.values(modules[file]!).some(hasBoth))
    expect(made.filter((file) => !found.includes(file))).toEqual([])
  })

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
