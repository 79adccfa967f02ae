/** The page's side of the worker: questions and answers by number, and how far the drawing has come. */

import { onScopeDispose, shallowReactive } from 'vue'
import type { Fits } from './receipt'
import { Unfit } from './record'
import type { Asked, Facts, Proof, Told } from './worker'
import type { Known, Verdict } from './verify'

type Question<T> = T extends { id: number } ? Omit<T, 'id'> : never

export interface Verifier {
  /** From 0 to 1. */
  share: number
  facts: Facts | undefined
  verdict: Verdict | undefined
  /** What hindered it: Unfit says what is wrong with the record. */
  error: unknown
  verify: (bytes: Uint8Array, known: Known) => Promise<void>
  /** null: there is no such entrant. */
  prove: (pseudonym: string) => Promise<Proof | null>
  /** Raises Unfit. */
  receipt: (bytes: Uint8Array) => Promise<Fits>
}

export function useVerifier(): Verifier {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
  const waiting = new Map<number, { resolve: (told: Told) => void; reject: (error: unknown) => void }>()
  let last = 0
  let drawing = 0

  worker.onmessage = ({ data }: MessageEvent<Told>) => {
    if (data.kind === 'progress') {
      if (data.id === drawing) state.share = data.share
      return
    }
    const one = waiting.get(data.id)
    waiting.delete(data.id)
    if (data.kind === 'unfit') one?.reject(new Unfit(data.what, data.at))
    else if (data.kind === 'failed') one?.reject(new Error(data.message))
    else one?.resolve(data)
  }
  worker.onerror = () => {
    for (const one of waiting.values()) one.reject(new Error('the worker has stopped'))
    waiting.clear()
  }
  onScopeDispose(() => worker.terminate())

  function ask(asked: Question<Asked>): Promise<Told> {
    const id = ++last
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject })
      worker.postMessage({ ...asked, id })
    })
  }

  const state: Verifier = shallowReactive({
    share: 0,
    facts: undefined as Facts | undefined,
    verdict: undefined as Verdict | undefined,
    error: undefined as unknown,
    async verify(bytes: Uint8Array, known: Known) {
      Object.assign(state, { share: 0, verdict: undefined, error: undefined })
      const mine = (drawing = last + 1)
      try {
        const told = await ask({ kind: 'verify', bytes, known })
        if (mine === drawing && told.kind === 'verdict') Object.assign(state, { facts: told.facts, verdict: told.verdict, share: 1 })
      } catch (error) {
        if (mine === drawing) state.error = error
      }
    },
    async prove(pseudonym: string) {
      const told = await ask({ kind: 'prove', pseudonym })
      return told.kind === 'proof' ? told.proof : null
    },
    async receipt(bytes: Uint8Array) {
      const told = await ask({ kind: 'receipt', bytes })
      if (told.kind !== 'fits') throw new Error(told.kind)
      return told.fits
    },
  })
  return state
}
