import { describe, expect, it } from 'vitest'
import { homeOf, ownPath } from './next'

describe('where one goes after the login', () => {
  it.each(['/', '/orders/ord_1', '/sessions/ses_1?slot=slt_2&for=pat_3#pay', '/search?q=%E5%84%BF%E7%A7%91', '/search?q=儿科'])('is our page %s', (path) => {
    const url = new URL(ownPath(path)!, window.location.origin)
    expect(url.href).toBe(new URL(path, window.location.origin).href)
  })

  it.each([
    undefined,
    null,
    '',
    ['/orders', '/me'],
    'orders',
    'https://elsewhere.example/',
    '//elsewhere.example',
    '///elsewhere.example',
    '/\\elsewhere.example',
    '\\\\elsewhere.example',
    '/\t/elsewhere.example',
    '/\n/elsewhere.example',
    '/orders\\..\\..',
    'javascript:alert(1)',
    ' /orders',
    '/login?next=/login',
    '/register',
    '/reset',
  ])('is never %j', (path) => {
    expect(ownPath(path)).toBeUndefined()
  })

  it('stays below our own origin, however the path climbs', () => {
    expect(ownPath('/a/..//elsewhere.example')).toBeUndefined()
    expect(ownPath('/./%2f/elsewhere.example')).toMatch(/^\/[^/]/)
  })

  it('depends on who one is, when nothing was asked for', () => {
    expect(homeOf({ roles: ['patient'] })).toBe('/')
    expect(homeOf({ roles: ['patient', 'doctor'] })).toBe('/staff')
    expect(homeOf({ roles: ['patient', 'operator'] })).toBe('/staff')
    expect(homeOf({ roles: ['board'] })).toBe('/board')
  })
})
