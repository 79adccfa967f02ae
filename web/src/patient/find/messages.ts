import { both } from '@/i18n'

export const messages = both({ find: { title: '找医院' } }, { find: { title: 'Find a hospital' } })
