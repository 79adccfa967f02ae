import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Problem } from '@/api'
import { hasWords, setLocale } from '@/i18n'
import { fault, onlyFields, wordsFor } from './faults'
import './messages'

const SERVICE = join(process.cwd(), '../services/user-svc/user_svc')
const FILES = ['identity', 'addresses', 'password_rules', 'domain', 'usecases/patients', 'usecases/accounts', 'usecases/owners', 'usecases/codes']
/** Fields of staff, which patients never send; and `locale`, which a list fills in. */
const OTHERS = /bad\("(roles|hospital_id|doctor_id|locale)"/

function sentences(): string[] {
  const calls = FILES.flatMap((name) => readFileSync(join(SERVICE, `${name}.py`), 'utf8').match(/\bbad\((?:[^()"]|"[^"]*"|\([^)]*\))*\)/g) ?? [])
  return calls.filter((call) => !OTHERS.test(call)).flatMap((call) => /, f?"([^"]+)"\)$/.exec(call)?.[1] ?? [])
}

const problem = (...errors: { field: string; message: string }[]) => new Problem(422, { code: 'validation_error', errors })

describe('faults of fields', () => {

  it('have words for whatever user-svc can say of them', () => {
    const all = sentences()
    expect(all.length).toBeGreaterThan(25)
    const filled = all.map((text) => text.replace(/\{', '[^}]*\}|\{[^}]*\}/g, '14'))
    expect(filled.filter((text) => !wordsFor(text) || !hasWords(wordsFor(text)!.key))).toEqual([])
  })

  it('are told in the language of the page, with the numbers that the API names', () => {
    const short = problem({ field: 'password', message: '15 to 128 characters; several words do well' })
    setLocale('zh-CN')
    expect(fault(short, 'password')).toBe('15 到 128 个字符；几个词连在一起就很好。')
    setLocale('en')
    expect(fault(short, 'password')).toBe('15 to 128 characters; several words do well.')
    expect(fault(short, 'email')).toBe('')
    expect(fault(undefined, 'email')).toBe('')
  })

  it('are told all the same when they are new', () => {
    const odd = problem({ field: 'name', message: 'is odd' })
    setLocale('en')
    expect(fault(odd, 'name')).toBe('is odd')
    setLocale('zh-CN')
    expect(fault(odd, 'name')).toBe('填写不正确。')
  })

  it('stand beside their fields alone if all of them are on the page', () => {
    expect(onlyFields(problem({ field: 'code', message: 'x' }), ['to', 'code'])).toBe(true)
    expect(onlyFields(problem({ field: 'code', message: 'x' }, { field: 'locale', message: 'x' }), ['to', 'code'])).toBe(false)
    expect(onlyFields(problem(), ['to'])).toBe(false)
    expect(onlyFields(new Error('x'), ['to'])).toBe(false)
  })
})
