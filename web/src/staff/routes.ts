/** The desks. Everybody who works somewhere has the role of her desks; `/staff` leads to the first of them. */

import type { RouteRecordRaw } from 'vue-router'
import { STAFF } from './desks'
import cashierRoutes from './cashier/routes'
import deskRoutes from './desk/routes'
import managerRoutes from './manager/routes'
import operatorRoutes from './operator/routes'
import registrarRoutes from './registrar/routes'

export default [
  {
    path: '/staff',
    component: () => import('./StaffLayout.vue'),
    children: [
      { path: '', component: () => import('./StaffHome.vue'), meta: { who: STAFF, title: 'staff.title' } },
      ...registrarRoutes,
      ...deskRoutes,
      ...cashierRoutes,
      ...operatorRoutes,
      ...managerRoutes,
    ],
  },
] satisfies RouteRecordRaw[]
