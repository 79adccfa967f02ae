import type { RouteRecordRaw } from 'vue-router'
import HomePage from './HomePage.vue'
import SearchPage from './SearchPage.vue'
import HospitalPage from './HospitalPage.vue'
import DepartmentPage from './DepartmentPage.vue'
import DoctorPage from './DoctorPage.vue'
import SessionPage from './book/SessionPage.vue'

export default [
  { path: '', component: HomePage, meta: { title: 'find.title', tab: 'find', who: 'everybody' } },
  { path: 'search', component: SearchPage, meta: { title: 'find.search.title', tab: 'find', who: 'everybody' } },
  { path: 'hospitals/:id', component: HospitalPage, meta: { title: 'find.hospital.title', tab: 'find', who: 'everybody' } },
  { path: 'departments/:id', component: DepartmentPage, meta: { title: 'find.department.title', tab: 'find', who: 'everybody' } },
  { path: 'doctors/:id', component: DoctorPage, meta: { title: 'find.doctor.title', tab: 'find', who: 'everybody' } },
  { path: 'sessions/:id', component: SessionPage, meta: { title: 'book.title', tab: 'find', who: 'everybody' } },
] satisfies RouteRecordRaw[]
