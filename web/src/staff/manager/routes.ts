import type { RouteRecordRaw } from 'vue-router'
import type { Role } from '@/api'

const who: Role[] = ['hospital_admin', 'operator']

export default [
  {
    path: 'manager',
    component: () => import('./ManagerFrame.vue'),
    children: [
      { path: '', component: () => import('./LoadPage.vue'), meta: { who, title: 'manager.load.title' } },
      { path: 'waits', component: () => import('./WaitsPage.vue'), meta: { who, title: 'manager.waits.title' } },
      { path: 'planner', component: () => import('./PlannerPage.vue'), meta: { who, title: 'manager.planner.title' } },
      { path: 'back-test', component: () => import('./BackTestPage.vue'), meta: { who, title: 'manager.backTest.title' } },
      { path: 'staff', component: () => import('./StaffPage.vue'), meta: { who, title: 'manager.staff.title' } },
      { path: 'rules', component: () => import('./RulesPage.vue'), meta: { who, title: 'manager.rules.title' } },
    ],
  },
] satisfies RouteRecordRaw[]
