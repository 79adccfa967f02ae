import type { RouteRecordRaw } from 'vue-router'
import type { Role } from '@/api'

const who: Role[] = ['operator']

export default [
  { path: 'operator', component: () => import('./InvariantsPage.vue'), meta: { who, title: 'operator.invariants' } },
  { path: 'operator/orders', component: () => import('./SagasPage.vue'), meta: { who, title: 'operator.sagas' } },
  { path: 'operator/parked', component: () => import('./ParkedPage.vue'), meta: { who, title: 'operator.parked' } },
  { path: 'operator/money', component: () => import('./DaysPage.vue'), meta: { who, title: 'operator.days' } },
  { path: 'operator/money/:provider/:day', component: () => import('./SheetPage.vue'), props: true, meta: { who, title: 'operator.days' } },
  { path: 'operator/letters', component: () => import('./DeliveriesPage.vue'), meta: { who, title: 'operator.deliveries' } },
  { path: 'operator/trail', component: () => import('./TrailPage.vue'), meta: { who, title: 'operator.trail' } },
] satisfies RouteRecordRaw[]
