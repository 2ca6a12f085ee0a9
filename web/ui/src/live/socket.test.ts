import { effectScope, type EffectScope } from 'vue'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { liveState, useLive, type Live } from './socket'

/** The line's end of a socket, as the browser's class. */
class Peer extends EventTarget {
  static readonly OPEN = 1
  static made: Peer[] = []
  readyState = 0
  sent: string[] = []

  constructor(readonly url: URL) {
    super()
    Peer.made.push(this)
  }

  opens(): void {
    this.readyState = Peer.OPEN
    this.dispatchEvent(new Event('open'))
  }

  says(message: unknown): void {
    this.dispatchEvent(new MessageEvent('message', { data: JSON.stringify(message) }))
  }

  ends(code: number): void {
    this.readyState = 3
    this.dispatchEvent(Object.assign(new Event('close'), { code, reason: 'r' }))
  }

  send(text: string): void {
    this.sent.push(text)
  }

  close(): void {
    this.ends(1000)
  }
}

const last = (): Peer => Peer.made.at(-1)!
let scope: EffectScope

function live(path: string | (() => string) = '/ws/agent', hooks = {}): { live: Live; heard: unknown[] } {
  const heard: unknown[] = []
  const made = scope.run(() => useLive(path, (message) => heard.push(message), hooks))!
  return { live: made, heard }
}

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
  vi.stubGlobal('WebSocket', Peer)
  Peer.made = []
  scope = effectScope()
})

afterEach(() => {
  scope.stop()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

describe('a live connection', () => {
  it('hears, speaks when it is open, and tells its state', () => {
    const { live: mine, heard } = live()
    expect([mine.state.value, liveState.value, mine.send({ a: 1 })]).toEqual(['connecting', 'connecting', false])
    last().opens()
    last().says({ kind: 'hello' })
    expect([mine.state.value, liveState.value, mine.send({ a: 1 })]).toEqual(['open', 'open', true])
    expect(heard).toEqual([{ kind: 'hello' }])
    expect(last().sent).toEqual(['{"a":1}'])
  })

  it('comes back after 0.2 s, then later each time up to 5 s, and from the start once it was open', () => {
    const { live: mine } = live()
    const waits: number[] = []
    for (let turn = 0; turn < 7; turn += 1) {
      const made = Peer.made.length
      last().ends(1006)
      expect(mine.state.value).toBe('lost')
      let waited = 0
      while (Peer.made.length === made) {
        vi.advanceTimersByTime(100)
        waited += 100
      }
      waits.push(waited)
    }
    expect(waits).toEqual([200, 400, 800, 1600, 3200, 5000, 5000])
    last().opens()
    last().ends(1013)
    vi.advanceTimersByTime(200)
    expect(Peer.made).toHaveLength(9)
  })

  it('asks for its path at every connect, and says when it is open again', () => {
    let cursor = ''
    const onOpen = vi.fn()
    live(() => `/ws/agent?cursor=${cursor}`, { onOpen })
    last().opens()
    cursor = '7-0'
    last().ends(1006)
    vi.advanceTimersByTime(200)
    expect(last().url.search).toBe('?cursor=7-0')
    last().opens()
    expect(onOpen).toHaveBeenCalledTimes(2)
  })

  it.each([4401, 4403, 4409])('ends for good where another try would end the same way: %i', (code) => {
    const onEnd = vi.fn()
    live('/ws/agent', { onEnd })
    last().ends(code)
    vi.advanceTimersByTime(60_000)
    expect(Peer.made).toHaveLength(1)
    expect(onEnd).toHaveBeenCalledWith(code, 'r')
    expect(liveState.value).toBe('none')
  })

  it('comes back at once when the machine is on the network again', () => {
    live()
    for (let turn = 0; turn < 5; turn += 1) {
      last().ends(1006)
      if (turn < 4) vi.advanceTimersByTime(5_000)
    }
    const made = Peer.made.length
    window.dispatchEvent(new Event('online'))
    expect(Peer.made).toHaveLength(made + 1)
  })

  it('is over with its component, and no longer counts', () => {
    live()
    last().opens()
    scope.stop()
    expect(liveState.value).toBe('none')
    vi.advanceTimersByTime(60_000)
    expect(Peer.made).toHaveLength(1)
  })
})
