import { beforeEach, describe, expect, it } from 'vitest'
import { note, notedOf } from './noted'

describe('what this browser has noted', () => {
  beforeEach(() => localStorage.clear())

  it('is what it saw first, and is never replaced', () => {
    expect(notedOf('a')).toEqual({})
    note('a', 'commitment', 'c1', 1)
    note('a', 'commitment', 'c2', 2)
    note('a', 'digest', 'd1', 3)
    note('a', 'digest', 'd2', 4)
    expect(notedOf('a')).toEqual({ commitment: 'c1', commitmentAt: 1, digest: 'd1', digestAt: 3 })
    expect(notedOf('b')).toEqual({})
  })

  it('is forgotten when a hundred other draws were seen since', () => {
    for (let i = 0; i < 150; i++) note(`s${i}`, 'commitment', 'c', i)
    expect(notedOf('s49')).toEqual({})
    expect(notedOf('s50')).toMatchObject({ commitment: 'c' })
    expect(notedOf('s149')).toMatchObject({ commitment: 'c' })
  })

  it.each(['', 'x', '[]', 'null', '3'])('is nothing when what is kept is broken: %s', (kept) => {
    localStorage.setItem('haoyuan.draws', kept)
    expect(notedOf('a')).toEqual({})
    expect(note('a', 'commitment', 'c', 1)).toMatchObject({ commitment: 'c' })
  })
})
