import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, type EffectScope } from 'vue'

import { useRefresh } from './refresh'

const MINUTE = 60_000

describe('what is read again', () => {
  let scope: EffectScope
  let reads: number

  beforeEach(() => {
    vi.useFakeTimers()
    reads = 0
    scope = effectScope()
    scope.run(() => useRefresh(() => (reads += 1), MINUTE))
  })

  afterEach(() => {
    scope.stop()
    vi.useRealTimers()
  })

  it('is read while somebody is there', () => {
    vi.advanceTimersByTime(3 * MINUTE)
    expect(reads).toBe(3)
  })

  it('rests when nobody is, and is read at once for who comes back', () => {
    vi.advanceTimersByTime(60 * MINUTE)
    expect(reads).toBe(10)
    document.dispatchEvent(new Event('keydown'))
    expect(reads).toBe(11)
    document.dispatchEvent(new Event('keydown'))
    expect(reads).toBe(11)
  })

  it('ends with the page', () => {
    scope.stop()
    vi.advanceTimersByTime(5 * MINUTE)
    document.dispatchEvent(new Event('pointerdown'))
    expect(reads).toBe(0)
  })
})
