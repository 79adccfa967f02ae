/** What was asked and never answered may have happened. Pressed again, the very same is asked: the same body by the same key. */

import { newKey, Problem, Unreachable } from '@/api'

interface Press<T> {
  ask: () => Promise<T>
  /** Whether what is shown now has moved on since: then it is no longer what is meant by another press. */
  over: () => boolean
  /** What is said then. */
  words: () => string
}

export type Make<T> = (headers: { 'Idempotency-Key': string }) => Press<T>

/** A gateway that gives up says nothing of what became of it, either. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof Problem && error.status >= 500)
}

export class Unanswered {
  private readonly kept = new Map<string, Press<unknown>>()

  /** intention: who presses again with the same one means the same. `make` is asked only if it is a new one. */
  async ask<T>(intention: unknown[], make: Make<T>): Promise<T> {
    const name = JSON.stringify(intention)
    const press = this.kept.get(name) ?? make({ 'Idempotency-Key': newKey() })
    this.kept.delete(name)
    try {
      return (await press.ask()) as T
    } catch (error) {
      if (isUnanswered(error)) this.kept.set(name, press)
      throw error
    }
  }

  has(intention: unknown[]): boolean {
    return this.kept.has(JSON.stringify(intention))
  }

  /** Forget what has turned out to be over. Words for the last one; undefined: there was none. */
  settle(): string | undefined {
    let words: string | undefined
    for (const [name, press] of this.kept)
      if (press.over()) {
        this.kept.delete(name)
        words = press.words()
      }
    return words
  }
}
