import type { RouteRecordRaw } from 'vue-router'

export default [
  { path: 'visits', component: () => import('./VisitsPage.vue'), meta: { who: 'account', title: 'clinic.visits', tab: 'orders' } },
  { path: 'visits/:id', component: () => import('./VisitPage.vue'), props: true, meta: { who: 'account', title: 'clinic.visit', tab: 'orders' } },
  {
    path: 'orders/:id/check-in',
    component: () => import('./CheckInPage.vue'),
    props: true,
    meta: { who: 'account', title: 'clinic.checkIn', tab: 'orders' },
  },
] satisfies RouteRecordRaw[]
