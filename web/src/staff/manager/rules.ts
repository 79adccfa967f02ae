/** What of a rule set the form changes; the rest stays as it is, or is changed as JSON. docs/rules.md has the paths. */

export interface RuleSet {
  [name: string]: unknown
}

export interface Limit {
  most: number
  of: 'session' | 'doctor' | 'department' | 'hospital'
  per: 'period' | 'day' | 'week' | 'month' | 'quarter'
  counting: 'orders' | 'departments'
}

export interface RulesForm {
  limits: Limit[]
  hold_minutes: number
  /** Until when a number can be given back: hours before, or so many days or workdays before at a time. */
  cancel: { by: 'hours' | 'days' | 'workdays'; count: number; at: string }
  waitlist: { days: number; at: string } | null
  clinic: { discipline: 'priority' | 'fifo'; early_minutes: number; grace_minutes: number; late_minutes: number; close_minutes: number }
}

interface Deadline {
  hours?: number | null
  days?: number | null
  workdays?: number | null
  at?: string | null
}

const CLINIC = ['discipline', 'early_minutes', 'grace_minutes', 'late_minutes', 'close_minutes'] as const

export function formOf(rules: RuleSet): RulesForm {
  const cancel = rules.cancel as Deadline
  const by = (['hours', 'days', 'workdays'] as const).find((unit) => typeof cancel[unit] === 'number') ?? 'hours'
  const closes = (rules.waitlist as { closes: Deadline }).closes
  const clinic = rules.clinic as RulesForm['clinic']
  return {
    limits: (rules.limits as Limit[]).map((limit) => ({ ...limit })),
    hold_minutes: rules.hold_minutes as number,
    cancel: { by, count: cancel[by] ?? 12, at: cancel.at ?? '14:00' },
    waitlist: typeof closes.days === 'number' ? { days: closes.days, at: closes.at ?? '23:00' } : null,
    clinic: Object.fromEntries(CLINIC.map((name) => [name, clinic[name]])) as unknown as RulesForm['clinic'],
  }
}

/** The rule set with what the form says. */
export function rulesOf(before: RuleSet, form: RulesForm): RuleSet {
  const { by, count, at } = form.cancel
  const rules: RuleSet = {
    ...before,
    limits: form.limits,
    hold_minutes: form.hold_minutes,
    cancel: by === 'hours' ? { hours: count } : { [by]: count, at },
    clinic: { ...(before.clinic as object), ...form.clinic },
  }
  if (form.waitlist) rules.waitlist = { ...(before.waitlist as object), closes: { ...form.waitlist } }
  return rules
}

/** null for what is no JSON object. */
export function parsed(text: string): RuleSet | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value && !Array.isArray(value) ? (value as RuleSet) : null
  } catch {
    return null
  }
}
