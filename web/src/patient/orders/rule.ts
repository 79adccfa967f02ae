/** The hospital's rule that refused an order, in words. schedule-svc names it as `limits[0]: at most 1 per doctor and day`. */

import { hasWords, t } from '@/i18n'

const FORMS: [string, RegExp][] = [
  ['limit', /^limits\[\d+\]: at most (?<most>\d+) (?<what>departments )?per (?<of>[a-z]+) and (?<per>[a-z]+)$/],
  ['opens', /^window\.days_ahead: (?<days>\d+) days ahead, from (?<at>[\d:]+)$/],
  ['closes', /^window\.closes: /],
  ['penaltyYear', /^penalties\[\d+\]: (?<count>\d+) (?<kind>\w+) within a calendar year, blocked for (?<blocked>\d+) days$/],
  ['penalty', /^penalties\[\d+\]: (?<count>\d+) (?<kind>\w+) within (?<within>\d+) days, blocked for (?<blocked>\d+) days$/],
  ['coolDown', /^cool_down\.(?<kind>unpaid|confirmed)_seconds: (?<seconds>\d+) s until the same doctor again$/],
]

/** '' for a rule that is not known here: the reason says enough. */
export function ruleInWords(rule: string | null): string {
  for (const [form, pattern] of FORMS) {
    const found = rule?.match(pattern)
    if (found) return t(`orders.rule.${form}`, facts(found.groups ?? {}))
  }
  return ''
}

function facts(groups: Record<string, string | undefined>): Record<string, unknown> {
  const { seconds, what, ...rest } = groups
  const said = Object.entries(rest).map(([name, value]) => [name, inWords(name, value ?? '')])
  return {
    ...Object.fromEntries(said),
    what: t(what ? 'orders.rule.what.departments' : 'orders.rule.what.numbers'),
    ...(seconds ? { wait: span(Number(seconds)) } : {}),
  }
}

function inWords(name: string, value: string): string {
  const key = `orders.rule.${name}.${value}`
  return hasWords(key) ? t(key) : value
}

/** A length of time in the largest unit that says it exactly. seconds. */
export function span(seconds: number): string {
  const unit = seconds % 3600 === 0 ? 3600 : seconds % 60 === 0 ? 60 : 1
  return t(`orders.rule.unit.${unit}`, { n: seconds / unit })
}
