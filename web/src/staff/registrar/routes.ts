import type { RouteRecordRaw } from 'vue-router'
import type { Role } from '@/api'

const who: Role[] = ['registrar', 'hospital_admin', 'operator']

export default [
  {
    path: 'registrar',
    component: () => import('./RegistrarFrame.vue'),
    children: [
      { path: '', component: () => import('./RosterPage.vue'), meta: { who, title: 'registrar.roster.title' } },
      { path: 'publish', component: () => import('./PublishPage.vue'), meta: { who, title: 'registrar.publish.title' } },
      { path: 'rosters', component: () => import('./UploadPage.vue'), meta: { who, title: 'registrar.upload.title' } },
      { path: 'rosters/:id', component: () => import('./InputPage.vue'), props: true, meta: { who, title: 'registrar.input.title' } },
      { path: 'sessions/:id', component: () => import('./SessionPage.vue'), props: true, meta: { who, title: 'registrar.session.title' } },
      { path: 'counter', component: () => import('./CounterPage.vue'), meta: { who, title: 'registrar.counter.title' } },
      { path: 'appeals', component: () => import('./AppealsPage.vue'), meta: { who, title: 'registrar.appeals.title' } },
    ],
  },
] satisfies RouteRecordRaw[]
