import type { RouteRecordRaw } from 'vue-router'

export default [
  { path: 'cashier', component: () => import('./CounterPage.vue'), meta: { who: ['cashier', 'operator'], title: 'cashier.counter' } },
  { path: 'cashier/refunds', component: () => import('./RefundsPage.vue'), meta: { who: ['cashier', 'operator'], title: 'cashier.refunds' } },
  { path: 'cashier/ledger', component: () => import('./LedgerPage.vue'), meta: { who: ['cashier', 'operator'], title: 'cashier.ledger' } },
] satisfies RouteRecordRaw[]
