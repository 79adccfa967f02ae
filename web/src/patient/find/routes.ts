import type { RouteRecordRaw } from 'vue-router'

export default [
  { path: '', component: () => import('./HomePage.vue'), meta: { title: 'find.title', tab: 'find', who: 'everybody' } },
  { path: 'search', component: () => import('./SearchPage.vue'), meta: { title: 'find.search.title', tab: 'find', who: 'everybody' } },
  { path: 'hospitals/:id', component: () => import('./HospitalPage.vue'), meta: { title: 'find.hospital.title', tab: 'find', who: 'everybody' } },
  { path: 'departments/:id', component: () => import('./DepartmentPage.vue'), meta: { title: 'find.department.title', tab: 'find', who: 'everybody' } },
  { path: 'doctors/:id', component: () => import('./DoctorPage.vue'), meta: { title: 'find.doctor.title', tab: 'find', who: 'everybody' } },
  { path: 'sessions/:id', component: () => import('./book/SessionPage.vue'), meta: { title: 'book.title', tab: 'find', who: 'everybody' } },
] satisfies RouteRecordRaw[]
