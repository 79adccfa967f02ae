/** Which desks there are, where they begin, and whose they are. */

import type { Role } from '@/api'

export const STAFF: Role[] = ['doctor', 'registrar', 'cashier', 'hospital_admin', 'operator']

export interface Desk {
  /** Its words are `staff.desks.<name>`. */
  name: 'desk' | 'registrar' | 'cashier' | 'manager' | 'operator'
  to: string
  roles: Role[]
}

export const DESKS: Desk[] = [
  { name: 'desk', to: '/staff/desk', roles: ['doctor', 'registrar', 'hospital_admin', 'operator'] },
  { name: 'registrar', to: '/staff/registrar', roles: ['registrar', 'hospital_admin', 'operator'] },
  { name: 'cashier', to: '/staff/cashier', roles: ['cashier', 'operator'] },
  { name: 'manager', to: '/staff/manager', roles: ['hospital_admin', 'operator'] },
  { name: 'operator', to: '/staff/operator', roles: ['operator'] },
]
