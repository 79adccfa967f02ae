/** Something that a person does by a button: once at a time, and with its fault beside it. */

import { reactive } from 'vue'

export interface Act<A extends unknown[], R> {
  busy: boolean
  error: unknown
  /** Do it. While it is being done, another press does nothing. Answers undefined if it failed; `error` says why. */
  run: (...args: A) => Promise<R | undefined>
}

export function useAct<A extends unknown[], R>(work: (...args: A) => Promise<R>): Act<A, R> {
  const act: Act<A, R> = reactive({
    busy: false,
    error: undefined,
    async run(...args: A) {
      if (act.busy) return undefined
      act.busy = true
      act.error = undefined
      try {
        return await work(...args)
      } catch (error) {
        act.error = error
        return undefined
      } finally {
        act.busy = false
      }
    },
  }) as Act<A, R>
  return act
}
