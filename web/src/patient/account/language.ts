/** The language that somebody chooses while she is logged in is that of her letters, too. */

import { watch } from 'vue'
import { account, ask, user } from '@/api'
import { useAct, type Act } from '@/shared/act'
import { preferences } from '@/shared/preferences'

/** Tell the account of each choice, while the component lives. */
export function useLanguageOfAccount(): Act<[], void> {
  const tell = useAct(async () => {
    if (!account.value || account.value.locale === preferences.locale) return
    account.value = await ask(user.PATCH('/api/v1/users/me', { body: { locale: preferences.locale } }))
    if (account.value.locale !== preferences.locale) void tell.run() // chosen anew meanwhile
  })
  watch(
    () => preferences.locale,
    () => void tell.run(),
  )
  return tell
}
