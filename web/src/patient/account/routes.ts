import type { RouteRecordRaw } from 'vue-router'

export default [
  { path: 'login', component: () => import('./enter/LoginPage.vue'), meta: { title: 'enter.login', tab: 'me', who: 'everybody' } },
  { path: 'register', component: () => import('./enter/RegisterPage.vue'), meta: { title: 'enter.register', tab: 'me', who: 'everybody' } },
  { path: 'reset', component: () => import('./enter/ResetPage.vue'), meta: { title: 'enter.reset', tab: 'me', who: 'everybody' } },
] satisfies RouteRecordRaw[]
