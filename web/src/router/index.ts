/** All pages. Each area brings its own routes; a route says who may open it, as the API says who may call it. */

import { nextTick } from 'vue'
import { createRouter, createWebHistory, type RouteLocationNormalized, type RouteRecordRaw, START_LOCATION } from 'vue-router'
import { known, hasRole, loggedIn, type Role } from '@/api'
import { t } from '@/i18n'
import accountRoutes from '@/patient/account/routes'
import boardRoutes from '@/board/routes'
import clinicRoutes from '@/patient/clinic/routes'
import drawRoutes from '@/draws/routes'
import findRoutes from '@/patient/find/routes'
import inboxRoutes from '@/patient/inbox/routes'
import orderRoutes from '@/patient/orders/routes'
import PatientLayout from '@/patient/PatientLayout.vue'
import staffRoutes from '@/staff/routes'
import { survive } from './upgrade'

declare module 'vue-router' {
  interface RouteMeta {
    /** The key of the page's title. */
    title?: string
    /** Who may open it: everybody, who is logged in, or who has one of these roles. */
    who?: 'everybody' | 'account' | Role[]
    /** The tab of the phone's bar that it belongs to. */
    tab?: 'find' | 'orders' | 'inbox' | 'me'
  }
}

const patient: RouteRecordRaw = {
  path: '/',
  component: PatientLayout,
  children: [...findRoutes, ...orderRoutes, ...clinicRoutes, ...inboxRoutes, ...accountRoutes, ...drawRoutes],
}

export const routes: RouteRecordRaw[] = [
  patient,
  ...staffRoutes,
  ...boardRoutes,
  { path: '/forbidden', component: () => import('@/ui/MessagePage.vue'), props: { words: 'fault.forbidden' }, meta: { who: 'everybody', title: 'fault.forbidden' } },
  { path: '/:any(.*)*', component: () => import('@/ui/MessagePage.vue'), props: { words: 'fault.notFound' }, meta: { who: 'everybody', title: 'fault.notFound' } },
]

export const router = createRouter({
  history: createWebHistory(),
  routes,
  scrollBehavior: (_to, from, saved) => saved ?? (from === START_LOCATION ? false : { top: 0 }), // a first page is at its top
})

/** Where to go instead, if somewhere else. The API refuses anyhow; this spares people a page that could only show refusals. */
export async function admit(to: RouteLocationNormalized): Promise<true | { path: string; query?: Record<string, string> }> {
  const who = to.meta.who ?? 'everybody'
  if (who === 'everybody') return true
  const login = { path: '/login', query: { next: to.fullPath } }
  if (!loggedIn.value) return login
  try {
    if (!(await known())) return login
  } catch {
    return true // the page says what is the matter, and tries again; without a page nobody would
  }
  return who === 'account' || hasRole(...who) ? true : { path: '/forbidden' }
}

survive(router)
router.beforeEach(admit)
router.afterEach((to) => void nextTick(() => setTitle(to))) // then the page has brought its words along

export function setTitle(to: RouteLocationNormalized): void {
  document.title = to.meta.title ? `${t(to.meta.title)} · ${t('app.name')}` : t('app.name')
}
