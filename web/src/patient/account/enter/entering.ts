/** What follows on a login: who it is, her language, and the page that she came for. */

import { useRoute, useRouter } from 'vue-router'
import { ask, enter, user, type Tokens } from '@/api'
import { isChosen, preferences } from '@/shared/preferences'
import { homeOf, ownPath } from './next'

export function useEnter() {
  const route = useRoute()
  const router = useRouter()

  async function enterWith(tokens: Tokens): Promise<void> {
    const account = await enter(tokens)
    // who has never chosen a language in this browser reads hers
    if (account && !isChosen()) preferences.locale = account.locale
    await router.replace(ownPath(route.query.next) ?? (account ? homeOf(account) : '/'))
  }

  return {
    enterWith,
    /** The same page to come back to, for the links between the pages of entering. */
    keepNext: (path: string) => ({ path, query: ownPath(route.query.next) ? { next: ownPath(route.query.next) } : {} }),
    byPassword: async (username: string, password: string) =>
      enterWith(await ask(user.POST('/api/v1/tokens', { body: { username, password } }))),
    byCode: async (to: string, code: string, username?: string) =>
      enterWith(await ask(user.POST('/api/v1/tokens/code', { body: { to, code, username } }))),
  }
}
