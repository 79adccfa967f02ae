import { beforeEach, expect, it } from 'vitest'
import { Problem, Unreachable } from '@/api'
import { answered, asking, settled } from './unanswered'

beforeEach(() => sessionStorage.clear())

it('the same choice asks the very same again until it is answered', () => {
  const first = asking('order ses_1', 'a', () => 1)
  expect(asking('order ses_1', 'a', () => 2)).toEqual(first)
  expect(asking('order ses_2', 'a', () => 3).key).not.toBe(first.key)
  answered('order ses_1')
  expect(asking('order ses_1', 'a', () => 4)).toMatchObject({ wish: 4 })
  expect(asking('order ses_1', 'a', () => 5).key).not.toBe(first.key)
})

it('another choice is another wish', () => {
  const { key } = asking('order ses_1', 'a', () => 1)
  expect(asking('order ses_1', 'b', () => 2)).toMatchObject({ by: 'b', wish: 2 })
  expect(asking('order ses_1', 'b', () => 2).key).not.toBe(key)
})

it('only a definite answer settles it', () => {
  expect(settled(new Unreachable('down'))).toBe(false)
  expect(settled(new Problem(503, {}))).toBe(false)
  expect(settled(new Problem(409, { code: 'sold_out' }))).toBe(true)
})
