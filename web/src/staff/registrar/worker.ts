/** Reads a file beside the page, so that twenty thousand lines do not hold it up. It is handed bytes, and asks nobody. */

import { Refused } from './csv'
import { partsOf, readFile, type Part, type Read, type Sender } from './upload'

export interface Asked {
  name: string
  bytes: ArrayBuffer
  sender: Sender
}

/** What the page keeps of a file; the parts, which it sends, come before it, one at a time: together they would hold the page up. */
export type Facts = Omit<Read, 'document'>
export type Told =
  | { kind: 'part'; part: Part }
  | { kind: 'read'; facts: Facts }
  | { kind: 'refused'; code: string; text: string }
  | { kind: 'failed'; message: string }

interface Port {
  postMessage: (told: Told) => void
  onmessage: ((event: MessageEvent<Asked>) => void) | null
}
const port = self as unknown as Port

port.onmessage = ({ data: { name, bytes, sender } }) => {
  try {
    const { document, ...facts } = readFile(name, bytes, sender)
    for (const part of partsOf(document)) port.postMessage({ kind: 'part', part })
    port.postMessage({ kind: 'read', facts })
  } catch (fault) {
    if (fault instanceof Refused) port.postMessage({ kind: 'refused', code: fault.code, text: fault.text })
    else port.postMessage({ kind: 'failed', message: String(fault) })
  }
}
