/** The voice of a board: one call after the other, each once, whatever becomes of the connection, the page or the browser's voice. */

import { ref, type Ref } from 'vue'
import type { Queue } from '@/shared/clinic'
import { LATE, Memory, newest, toSpeak } from './calls'
import { utterances, type Utterance } from './words'

/** `blocked`: the browser wants a press first. `voiceless`: it has no voice, or none that works. */
export type Voice = 'on' | 'off' | 'blocked' | 'voiceless'

interface Call {
  queue: string
  serial: number
  at: number
  words: Utterance[]
}

const SLOW = 400 // milliseconds that a character may take at the utmost
const SILENT = 8000 // milliseconds on top, after which a voice that says nothing is given up
const MOST = 30 // calls that wait for the voice

type Outcome = 'spoken' | 'blocked' | 'failed'

export class Speaker {
  readonly voice: Ref<Voice>
  private readonly heard = new Map<string, number>()
  private waiting: Call[] = []
  private speaking = false
  private stopped = false

  constructor(
    sound: boolean,
    private readonly memory = new Memory(),
    private readonly utter: (one: Utterance) => Promise<Outcome> = speak,
  ) {
    this.voice = ref<Voice>(sound ? 'on' : 'off')
  }

  /** What a queue shows now. While the sound is off its calls count as spoken: nobody wants them all when it is switched on. */
  hear(queue: Queue, whose: boolean, english: boolean): void {
    const id = queue.session_id
    if (this.voice.value === 'off') return this.memory.spoke(id, newest(queue.called))
    const last = Math.max(this.heard.get(id) ?? -1, this.memory.last(id) ?? -1)
    const calls = toSpeak(queue.called, last < 0 ? undefined : last, Date.parse(queue.at))
    // a screen that is new here counts what was before it as spoken, so that after a restart it knows what it has missed
    if (last < 0) this.memory.spoke(id, calls.length ? calls[0]!.serial - 1 : newest(queue.called))
    for (const call of calls)
      this.waiting.push({ queue: id, serial: call.serial, at: Date.parse(call.at), words: utterances(call, queue, whose, english) })
    this.heard.set(id, Math.max(last, newest(queue.called)))
    this.waiting = this.waiting.slice(-MOST)
    void this.work()
  }

  /** By a press, which is what browsers want before they let a page speak. */
  turn(on: boolean, now: number): void {
    this.voice.value = on ? 'on' : 'off'
    if (on) this.waiting = this.waiting.filter((call) => now - call.at <= LATE)
    else for (const call of this.waiting.splice(0)) this.memory.spoke(call.queue, call.serial)
    if (on) void this.work(true)
  }

  /** Ask the browser, before the first call, whether it will speak. */
  probe(): void {
    if (this.voice.value === 'on') void this.work(true)
  }

  /** The page goes. What is cut off by it was not spoken, and is said from its beginning when the board comes back. */
  stop(): void {
    this.stopped = true
    this.waiting = []
    globalThis.speechSynthesis?.cancel()
  }

  private async work(probing = false): Promise<void> {
    if (this.speaking) return
    this.speaking = true
    try {
      if (probing) await this.ask()
      while (this.waiting.length && this.voice.value !== 'off' && this.voice.value !== 'blocked') {
        const call = this.waiting[0]!
        const outcome = await this.say(call.words)
        if (this.stopped) return
        if (outcome === 'blocked') {
          this.voice.value = 'blocked'
          return
        }
        if (this.voice.value !== ('off' as Voice)) this.voice.value = outcome === 'failed' ? 'voiceless' : 'on'
        if (this.waiting[0] === call) this.waiting.shift()
        this.memory.spoke(call.queue, call.serial) // only now: a page that is loaded anew meanwhile says it again, from its beginning
      }
    } finally {
      this.speaking = false
    }
  }

  private async ask(): Promise<void> {
    const outcome = await this.utter({ lang: 'zh-CN', text: '' })
    if (this.voice.value !== 'off' && outcome !== 'spoken') this.voice.value = outcome === 'blocked' ? 'blocked' : 'voiceless'
  }

  private async say(words: Utterance[]): Promise<Outcome> {
    let outcome: Outcome = 'spoken'
    for (const one of words) {
      outcome = await this.utter(one)
      if (outcome === 'blocked' || this.stopped) break
    }
    return outcome
  }
}

/** By the browser's voice. Nothing it does keeps the next call waiting for ever. An empty text asks only whether it may speak. */
function speak({ lang, text }: Utterance): Promise<Outcome> {
  const synthesis = globalThis.speechSynthesis
  if (!synthesis) return Promise.resolve('failed')
  return new Promise((resolve) => {
    const one = new SpeechSynthesisUtterance(text || ' ')
    one.lang = lang
    one.rate = 0.9
    if (!text) one.volume = 0
    const voice = synthesis.getVoices().find((v) => v.lang.replace('_', '-').startsWith(lang))
    if (voice) one.voice = voice
    const patience = setTimeout(() => {
      over(text || !synthesis.getVoices().length ? 'failed' : 'spoken')
      synthesis.cancel()
    }, SILENT + SLOW * text.length)
    const over = (outcome: Outcome) => {
      clearTimeout(patience)
      one.onend = one.onerror = null
      resolve(outcome)
    }
    one.onend = () => over('spoken')
    one.onerror = ({ error }) => over(error === 'not-allowed' ? 'blocked' : error === 'interrupted' || error === 'canceled' ? 'spoken' : 'failed')
    synthesis.resume()
    synthesis.speak(one)
  })
}
