import type { RouteRecordRaw } from 'vue-router'

export default [
  { path: '', component: () => import('./HomePage.vue'), meta: { title: 'find.title', tab: 'find', who: 'everybody' } },
] satisfies RouteRecordRaw[]
