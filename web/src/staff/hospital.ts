/** For which hospital a member of staff works here: her own, or, for operators, the one that she has chosen. */

import { defineStore, storeToRefs } from 'pinia'
import { computed, ref, watch } from 'vue'
import { account, all, ask, schedule, type ScheduleSchemas } from '@/api'
import { pinia } from '@/shared/pinia'
import { local } from '@/shared/storage'

const KEY = 'haoyuan.hospital'
const useHospital = defineStore('hospital', () => ({
  chosen: ref(local.getItem(KEY) ?? ''),
  hospitals: ref<ScheduleSchemas['Hospital'][]>([]),
}))
const { chosen, hospitals } = storeToRefs(useHospital(pinia))

export { hospitals }

/** '' until it is known. */
export const hospitalId = computed(() => account.value?.hospital_id ?? (chosen.value || hospitals.value[0]?.id || ''))
export const hospital = computed(() => hospitals.value.find((h) => h.id === hospitalId.value))

export function choose(id: string): void {
  chosen.value = id
  local.setItem(KEY, id)
}

/** A page about something of one hospital stands below that: an operator's header follows it. */
export function useHospitalOf(id: () => string | undefined): void {
  watch(id, (found) => found && !account.value?.hospital_id && choose(found), { immediate: true })
}

/** Whether it is another hospital's than that of her who has logged in: whoever belongs to none (operators) works for all. */
export function isElsewhere(id: string): boolean {
  return !!account.value?.hospital_id && account.value.hospital_id !== id
}

export async function loadHospitals(): Promise<void> {
  hospitals.value = await all((cursor) =>
    ask(schedule.GET('/api/v1/hospitals', { params: { query: { limit: 100, cursor } } })),
  )
  if (chosen.value && !hospitals.value.some((h) => h.id === chosen.value)) choose('')
}
