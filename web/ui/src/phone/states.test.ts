import { describe, expect, it } from 'vitest'

import { after, MOVES, type PhoneEvent, type PhoneState } from './states'

function walk(...events: PhoneEvent[]): PhoneState {
  return events.reduce<PhoneState>(after, 'off')
}

describe('the phone', () => {
  it('goes through a call', () => {
    expect(walk('start', 'registered', 'invited', 'answer', 'confirmed')).toBe('talking')
    expect(walk('start', 'registered', 'invited', 'answer', 'confirmed', 'over')).toBe('registered')
    expect(walk('start', 'registered', 'invited', 'over')).toBe('registered')
  })

  it('keeps a talk whose line is lost, and comes back to it', () => {
    expect(walk('start', 'registered', 'invited', 'answer', 'confirmed', 'lost')).toBe('talking_lost')
    expect(walk('start', 'registered', 'invited', 'answer', 'confirmed', 'lost', 'registered')).toBe('talking')
    expect(walk('start', 'registered', 'invited', 'answer', 'confirmed', 'lost', 'over')).toBe('lost')
  })

  it('comes back by itself from a lost line, not from a refusal', () => {
    expect(walk('start', 'registered', 'lost', 'registered')).toBe('registered')
    expect(walk('start', 'refused', 'registered')).toBe('failed')
    expect(walk('start', 'refused', 'start', 'registered')).toBe('registered')
  })

  it('can be stopped from everywhere', () => {
    for (const state of Object.keys(MOVES) as PhoneState[]) expect(after(state, 'stop')).toBe('off')
  })

  it('takes no notice of what means nothing now', () => {
    expect(walk('answer')).toBe('off')
    expect(walk('start', 'registered', 'confirmed')).toBe('registered')
  })
})
