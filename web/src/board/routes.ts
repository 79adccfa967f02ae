import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/board',
    component: () => import('./BoardPage.vue'),
    meta: { who: ['board', 'doctor', 'registrar', 'hospital_admin', 'operator'], title: 'board.title' },
  },
] satisfies RouteRecordRaw[]
