import type { RouteRecordRaw } from 'vue-router'

export default [
  { path: 'orders', component: () => import('./OrdersPage.vue'), meta: { title: 'orders.title', tab: 'orders', who: 'account' } },
  {
    path: 'orders/:id',
    component: () => import('./OrderPage.vue'),
    props: true,
    meta: { title: 'orders.one', tab: 'orders', who: 'account' },
  },
  {
    path: 'orders/:id/pay',
    component: () => import('./PayPage.vue'),
    props: true,
    meta: { title: 'orders.pay.title', tab: 'orders', who: 'account' },
  },
  {
    path: 'orders/:id/move',
    component: () => import('./MovePage.vue'),
    props: true,
    meta: { title: 'orders.move.title', tab: 'orders', who: 'account' },
  },
] satisfies RouteRecordRaw[]
