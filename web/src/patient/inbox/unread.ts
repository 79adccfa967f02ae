/** How many messages of the inbox are unread, for the bar; kept by the inbox. */

import { ref } from 'vue'

export const unread = ref(0)
