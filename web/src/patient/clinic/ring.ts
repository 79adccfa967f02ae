/** What a phone does when its owner is called, besides showing it: it vibrates, rings, and changes its title. */

import { onScopeDispose, ref, type Ref } from 'vue'
import { local } from '@/shared/storage'

const KEY = 'haoyuan.ring'
const PATTERN = [400, 150, 400, 150, 800] // milliseconds on, off, on...
const TONES = [880, 660, 880] // hertz
const TONE = 0.35 // seconds

export interface Ring {
  on: Ref<boolean>
  /** By a press: browsers let no page sound without one. */
  turn: (on: boolean) => Promise<void>
  ring: () => void
}

export function useRing(): Ring {
  const on = ref(false)
  let context: AudioContext | undefined

  async function turn(wanted: boolean): Promise<void> {
    on.value = wanted
    local.setItem(KEY, wanted ? 'on' : '')
    if (wanted) await unlock()
  }

  async function unlock(): Promise<void> {
    context ??= new AudioContext()
    if (context.state === 'suspended') await context.resume()
  }

  function ring(): void {
    navigator.vibrate?.(PATTERN)
    if (!on.value || context?.state !== 'running') return
    TONES.forEach((hertz, n) => tone(context!, hertz, context!.currentTime + n * TONE))
  }

  // who had switched it on has it on again with the first touch of the page
  const again = () => void turn(true)
  if (local.getItem(KEY)) window.addEventListener('pointerdown', again, { once: true })
  onScopeDispose(() => {
    window.removeEventListener('pointerdown', again)
    void context?.close()
  })
  return { on, turn, ring }
}

function tone(context: AudioContext, hertz: number, at: number): void {
  const [source, volume] = [context.createOscillator(), context.createGain()]
  source.frequency.value = hertz
  volume.gain.setValueAtTime(0.4, at)
  volume.gain.exponentialRampToValueAtTime(0.001, at + TONE)
  source.connect(volume).connect(context.destination)
  source.start(at)
  source.stop(at + TONE)
}
