import type { RouteRecordRaw } from 'vue-router'
import type { Role } from '@/api'

const who: Role[] = ['doctor', 'registrar', 'hospital_admin', 'operator']

export default [
  { path: 'desk', component: () => import('./DeskHome.vue'), meta: { who, title: 'desk.title' } },
  { path: 'desk/:sessionId', component: () => import('./DeskPage.vue'), props: true, meta: { who, title: 'desk.title' } },
] satisfies RouteRecordRaw[]
