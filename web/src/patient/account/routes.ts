import type { RouteRecordRaw } from 'vue-router'

export default [
  { path: 'login', component: () => import('./enter/LoginPage.vue'), meta: { title: 'enter.login', tab: 'me', who: 'everybody' } },
  { path: 'register', component: () => import('./enter/RegisterPage.vue'), meta: { title: 'enter.register', tab: 'me', who: 'everybody' } },
  { path: 'reset', component: () => import('./enter/ResetPage.vue'), meta: { title: 'enter.reset', tab: 'me', who: 'everybody' } },
  { path: 'me', component: () => import('./MePage.vue'), meta: { title: 'me.title', tab: 'me', who: 'account' } },
  { path: 'me/people', component: () => import('./PeoplePage.vue'), meta: { title: 'me.tiles.people', tab: 'me', who: 'account' } },
  { path: 'me/people/new', component: () => import('./PersonPage.vue'), meta: { title: 'me.people.add', tab: 'me', who: 'account' } },
  { path: 'me/people/:id', component: () => import('./PersonPage.vue'), props: true, meta: { title: 'me.people.editTitle', tab: 'me', who: 'account' } },
  { path: 'me/people/:id/credit', component: () => import('./CreditPage.vue'), props: true, meta: { title: 'me.credit.title', tab: 'me', who: 'account' } },
  { path: 'me/contact', component: () => import('./ContactPage.vue'), meta: { title: 'me.tiles.contact', tab: 'me', who: 'account' } },
  { path: 'me/password', component: () => import('./PasswordPage.vue'), meta: { title: 'me.tiles.password', tab: 'me', who: 'account' } },
  { path: 'me/logins', component: () => import('./LoginsPage.vue'), meta: { title: 'me.tiles.logins', tab: 'me', who: 'account' } },
  { path: 'me/notifications', component: () => import('./NotificationsPage.vue'), meta: { title: 'me.tiles.notifications', tab: 'me', who: 'account' } },
  { path: 'me/data', component: () => import('./DataPage.vue'), meta: { title: 'me.tiles.data', tab: 'me', who: 'account' } },
] satisfies RouteRecordRaw[]
