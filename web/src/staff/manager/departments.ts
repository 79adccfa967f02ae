/** The departments of the hospital, by name. */

import { watch, type Ref } from 'vue'
import { all, ask, schedule, type ScheduleSchemas } from '@/api'
import { useLoad, type Load } from '@/shared/load'

export type Department = ScheduleSchemas['Department']

export async function fetchDepartments(hospital: string): Promise<Department[]> {
  const query = { hospital_id: hospital, limit: 200 }
  const found = await all((cursor) => ask(schedule.GET('/api/v1/departments', { params: { query: { ...query, cursor } } })))
  return found.sort((a, b) => a.name.localeCompare(b.name, 'zh-CN'))
}

/** For choices. */
export function departmentsOf(hospital: Ref<string>): Load<Department[]> {
  return useLoad(() => fetchDepartments(hospital.value), { of: [hospital] })
}

/** Chosen among them, in `form`: always one of the hospital's own. */
export function departmentIn(form: { department: string }, hospital: Ref<string>): Load<Department[]> {
  const departments = departmentsOf(hospital)
  watch(
    () => departments.data,
    (found) => {
      if (!found?.some(({ id }) => id === form.department)) form.department = found?.[0]?.id ?? ''
    },
  )
  return departments
}
