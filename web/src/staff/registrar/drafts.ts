/**
 * Drafts that were saved from this browser. The platform knows them, but shows nobody what is not public; so what was typed in
 * is kept here, to go on with it. Removed once the session is public.
 */

import { ref } from 'vue'
import { local } from '@/shared/storage'
import type { SessionForm } from './publish'

export interface Draft {
  hospital: string
  /** Her name. */
  doctor: string
  form: SessionForm
}

const KEY = 'haoyuan.drafts'
const drafts = ref<Draft[]>(read())

function read(): Draft[] {
  try {
    const kept: unknown = JSON.parse(local.getItem(KEY) ?? '[]')
    return Array.isArray(kept) ? (kept as Draft[]) : []
  } catch {
    return []
  }
}

function write(kept: Draft[]): void {
  drafts.value = kept
  local.setItem(KEY, JSON.stringify(kept))
}

export function draftsOf(hospital: string): Draft[] {
  return drafts.value.filter((draft) => draft.hospital === hospital)
}

export function keepDraft(draft: Draft): void {
  write([...without(draft.hospital, draft.form.code), draft])
}

export function dropDraft(hospital: string, code: string): void {
  write(without(hospital, code))
}

function without(hospital: string, code: string): Draft[] {
  return drafts.value.filter((draft) => draft.hospital !== hospital || draft.form.code !== code)
}
