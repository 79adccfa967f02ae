/** Codes of six digits that prove an address: one is sent, and typed in here. */

import { computed, reactive } from 'vue'
import { ask, serverNow, user, type UserSchemas, useServerNow } from '@/api'
import { currentLocale } from '@/i18n'
import { useAct, type Act } from '@/shared/act'

type Purpose = UserSchemas['CodeAsked']['purpose']
type OwnPurpose = UserSchemas['OwnCodeAsked']['purpose']

export interface Code {
  /** Where the last one was sent; '' before. */
  to: string
  /** Six digits, as they are typed in. */
  digits: string
  /** Seconds until another one may be asked for. */
  wait: number
  send: Act<[to: string], void>
}

/** For who is not logged in. */
export function useCode(purpose: Purpose): Code {
  return codeBy((to) => ask(user.POST('/api/v1/codes', { body: { purpose, to, locale: currentLocale() } })))
}

/** For who is: nobody else can use it. */
export function useOwnCode(purpose: OwnPurpose): Code {
  return codeBy((to) => ask(user.POST('/api/v1/users/me/codes', { body: { purpose, to, locale: currentLocale() } })))
}

function codeBy(request: (to: string) => Promise<UserSchemas['CodeOut']>): Code {
  const now = useServerNow()
  const state = reactive({ to: '', digits: '', again: 0 })
  const send = useAct(async (to: string) => {
    const { again_in } = await request(to)
    Object.assign(state, { to, digits: '', again: serverNow() + again_in * 1000 })
  })
  const wait = computed(() => Math.max(0, Math.ceil((state.again - now.value) / 1000)))
  return reactive({
    get to() {
      return state.to
    },
    get digits() {
      return state.digits
    },
    set digits(value: string) {
      state.digits = value
    },
    get wait() {
      return wait.value
    },
    send,
  }) as Code
}
