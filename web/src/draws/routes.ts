import type { RouteRecordRaw } from 'vue-router'

export default [
  { path: 'draws', component: () => import('./DrawsPage.vue'), meta: { title: 'draws.title', tab: 'find', who: 'everybody' } },
  { path: 'draws/:sessionId', component: () => import('./DrawPage.vue'), props: true, meta: { title: 'draws.one', tab: 'find', who: 'everybody' } },
] satisfies RouteRecordRaw[]
