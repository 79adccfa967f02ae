/** A draw that is still to come: what is told of it. What looks like anything else is for the verifier to judge. */

import { instant } from './record'

export interface OpenDraw {
  commitment: string
  opens_at: string
  closes_at: string
  entrants: number
  policy: 'lottery' | 'weighted'
}

export function openDraw(bytes: Uint8Array): OpenDraw | undefined {
  try {
    const draw = JSON.parse(new TextDecoder().decode(bytes)) as Partial<OpenDraw> & { state?: unknown; format?: unknown }
    const times = [draw.opens_at, draw.closes_at].every((time) => typeof time === 'string' && instant(time))
    const fits = draw.format === 'haoyuan-draw/1' && draw.state === 'open' && times && /^[0-9a-f]{64}$/.test(draw.commitment ?? '')
    return fits ? (draw as OpenDraw) : undefined
  } catch {
    return undefined
  }
}
