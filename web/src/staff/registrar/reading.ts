/** The page's side of the worker: the file that was chosen last is being read, has been read, or could not be. */

import { onScopeDispose, shallowReactive } from 'vue'
import { Refused } from './csv'
import type { Part, Sender } from './upload'
import type { Asked, Facts, Told } from './worker'

export interface ReadFile extends Facts {
  parts: Part[]
}

export interface Reading {
  /** Of the file that is being read; '' while none is. */
  name: string
  file: ReadFile | undefined
  /** Refused says what is wrong with the file. */
  error: unknown
  look: (file: File, sender: Sender) => Promise<void>
  /** Whatever was read, or is being read. */
  forget: () => void
}

export function useReading(): Reading {
  let current = new AbortController()
  const reading: Reading = shallowReactive({
    name: '',
    file: undefined as ReadFile | undefined,
    error: undefined as unknown,
    async look(file: File, sender: Sender) {
      reading.forget()
      const { signal } = current
      reading.name = file.name
      try {
        const found = await inWorker({ name: file.name, bytes: await file.arrayBuffer(), sender }, signal)
        if (!signal.aborted) reading.file = found
      } catch (error) {
        if (!signal.aborted) reading.error = error
      }
      if (!signal.aborted) reading.name = ''
    },
    forget() {
      current.abort()
      current = new AbortController()
      Object.assign(reading, { name: '', file: undefined, error: undefined })
    },
  })
  onScopeDispose(() => current.abort())
  return reading
}

function inWorker(asked: Asked, signal: AbortSignal): Promise<ReadFile> {
  return new Promise<ReadFile>((resolve, reject) => {
    signal.throwIfAborted()
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
    const parts: Part[] = []
    const end = (done: () => void) => {
      worker.terminate()
      done()
    }
    signal.addEventListener('abort', () => end(() => reject(signal.reason)))
    worker.onerror = () => end(() => reject(new Error('the worker has stopped')))
    worker.onmessage = ({ data }: MessageEvent<Told>) => {
      if (data.kind === 'part') parts.push(data.part)
      else if (data.kind === 'read') end(() => resolve({ ...data.facts, parts }))
      else if (data.kind === 'refused') end(() => reject(new Refused('', data.code, data.text)))
      else end(() => reject(new Error(data.message)))
    }
    worker.postMessage(asked, [asked.bytes])
  })
}
