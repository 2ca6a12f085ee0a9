import { describe, expect, it } from 'vitest'

import { counted, quality, type Counted } from './quality'

const START: Counted = { at: 0, received: 0, lost: 0, jitter: 0, roundTrip: null }

describe('the quality of sound', () => {
  it('is very good where nothing is lost', () => {
    const seen = quality(START, { at: 2000, received: 100, lost: 0, jitter: 0.002, roundTrip: 0.01 })
    expect(seen.word).toBe('优')
    expect(seen.score).toBeGreaterThan(4.3)
  })

  it('falls with loss and with delay', () => {
    const lossy = quality(START, { at: 2000, received: 90, lost: 10, jitter: 0.005, roundTrip: 0.02 })
    expect(lossy.lossPercent).toBeCloseTo(10)
    expect(lossy.word).toBe('差')
    const late = quality(START, { at: 2000, received: 100, lost: 0, jitter: 0.06, roundTrip: 0.3 })
    expect(late.word).not.toBe('优')
  })

  it('counts since the last look', () => {
    const before = { ...START, received: 1000, lost: 500 }
    expect(quality(before, { at: 2000, received: 1100, lost: 500, jitter: 0, roundTrip: 0 }).lossPercent).toBe(0)
  })

  it('says that nothing is heard', () => {
    expect(quality(START, { ...START, at: 2000 })).toMatchObject({ silent: true, word: '差' })
  })

  it('reads a report of the browser', () => {
    const report = new Map<string, Record<string, unknown>>([
      ['a', { type: 'inbound-rtp', kind: 'audio', packetsReceived: 5, packetsLost: 1, jitter: 0.01 }],
      ['b', { type: 'candidate-pair', nominated: true, currentRoundTripTime: 0.02 }],
      ['c', { type: 'candidate-pair', nominated: false, currentRoundTripTime: 9 }],
    ])
    expect(counted(report, 7)).toEqual({ at: 7, received: 5, lost: 1, jitter: 0.01, roundTrip: 0.02 })
    expect(counted(new Map(), 7)).toBeNull()
  })
})
