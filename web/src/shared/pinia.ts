/** What all pages share and nobody's component owns is state of Pinia's: who is logged in, preferences, the hospital, what is unread. */

import { createPinia } from 'pinia'

export const pinia = createPinia()
