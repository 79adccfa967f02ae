import type { RouteRecordRaw } from 'vue-router'

export default [
  { path: 'inbox', component: () => import('./InboxPage.vue'), meta: { title: 'inbox.title', tab: 'inbox', who: 'account' } },
] satisfies RouteRecordRaw[]
