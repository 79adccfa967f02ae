import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { effectScope, nextTick, ref } from 'vue'
import { useAwake } from './awake'

class Lock {
  released = false
  release = async () => void (this.released = true)
}

let locks: Lock[] = []
let grant: () => Promise<Lock>
const wanted = ref(true)
const held = () => locks.filter((lock) => !lock.released).length
const soon = async () => {
  await nextTick()
  await new Promise((resolve) => setTimeout(resolve))
}

function awake(): () => void {
  const scope = effectScope()
  scope.run(() => useAwake(() => wanted.value))
  return () => scope.stop()
}

describe('the screen', () => {
  beforeEach(() => {
    locks = []
    wanted.value = true
    grant = async () => locks[locks.push(new Lock()) - 1]!
    Object.defineProperty(navigator, 'wakeLock', { configurable: true, value: { request: () => grant() } })
  })
  afterEach(() => void Reflect.deleteProperty(navigator, 'wakeLock'))

  it('stays on while that is wanted, and no longer', async () => {
    const stop = awake()
    await soon()
    expect(held()).toBe(1)
    wanted.value = false
    await soon()
    expect(held()).toBe(0)
    wanted.value = true
    await soon()
    expect(held()).toBe(1)
    stop()
    await soon()
    expect(held()).toBe(0)
  })

  it.each<[string, (stop: () => void) => unknown]>([
    ['wanted', () => (wanted.value = false)],
    ['there', (stop) => stop()],
  ])('does not stay on for what is not %s any more when the browser grants it', async (_, end) => {
    let give = () => {}
    grant = () => new Promise((resolve) => (give = () => resolve(locks[locks.push(new Lock()) - 1]!)))
    const stop = awake()
    end(stop)
    await soon()
    give()
    await soon()
    expect([locks.length, held()]).toEqual([1, 0])
    stop()
  })

  it('is asked for again when the page is looked at again: browsers let go of it', async () => {
    const stop = awake()
    await soon()
    await locks[0]!.release()
    document.dispatchEvent(new Event('visibilitychange'))
    document.dispatchEvent(new Event('visibilitychange'))
    await soon()
    expect(held()).toBeGreaterThan(0)
    stop()
    await soon()
    expect(held()).toBe(0)
  })

  it('may go dark where the browser refuses', async () => {
    grant = () => Promise.reject(new DOMException('low battery', 'NotAllowedError'))
    const stop = awake()
    await soon()
    grant = async () => locks[locks.push(new Lock()) - 1]!
    document.dispatchEvent(new Event('visibilitychange'))
    await soon()
    expect(held()).toBe(1)
    stop()
  })
})
