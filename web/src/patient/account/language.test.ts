import { effectScope, nextTick } from 'vue'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { account, type Account } from '@/api'
import { preferences } from '@/shared/preferences'
import { useLanguageOfAccount } from './language'

const asked: Request[] = []

describe('the language of an account', () => {
  beforeEach(() => {
    asked.length = 0
    preferences.locale = 'zh-CN'
    account.value = { id: 'acc_1', locale: 'zh-CN', roles: ['patient'] } as Account
    vi.stubGlobal('fetch', async (request: Request) => {
      asked.push(request.clone())
      const { locale } = (await request.json()) as { locale: string }
      return new Response(JSON.stringify({ ...account.value, locale }), { headers: { 'Content-Type': 'application/json' } })
    })
  })
  afterEach(() => {
    vi.unstubAllGlobals()
    account.value = null
  })

  it('follows each choice, and is not told what it knows', async () => {
    const scope = effectScope()
    scope.run(useLanguageOfAccount)
    await nextTick()
    expect(asked).toHaveLength(0)
    preferences.locale = 'en'
    await vi.waitFor(() => expect(account.value?.locale).toBe('en'))
    expect(asked.map((request) => request.method)).toEqual(['PATCH'])
    scope.stop()
    preferences.locale = 'zh-CN'
    await nextTick()
    expect(asked).toHaveLength(1)
  })

  it('of strangers is theirs alone', async () => {
    account.value = null
    const scope = effectScope()
    scope.run(useLanguageOfAccount)
    preferences.locale = 'en'
    await nextTick()
    expect(asked).toHaveLength(0)
    scope.stop()
  })
})
