import { describe, expect, it } from 'vitest'

import { after, isBusy, microphoneTrouble, MOVES, permitTrouble, STATE_WORDS, telephoneKey, type CallEvent, type CallState } from './states'

function walk(...events: CallEvent[]): CallState {
  return events.reduce<CallState>(after, 'idle')
}

describe("a citizen's call", () => {
  it('goes from the microphone to the talk and to its end, and can be placed anew', () => {
    expect(walk('dial', 'allowed', 'open', 'answered')).toBe('talking')
    expect(walk('dial', 'allowed', 'open', 'answered', 'ended')).toBe('over')
    expect(walk('dial', 'allowed', 'open', 'answered', 'ended', 'dial')).toBe('asking')
    expect(walk('dial', 'failed', 'dial')).toBe('asking')
  })

  it('can be given up at every moment of it, and then takes no notice of what comes late', () => {
    for (const state of Object.keys(MOVES) as CallState[])
      if (isBusy(state)) {
        expect(after(state, 'ended')).toBe('over')
        expect(after(state, 'failed')).toBe(state === 'talking' ? 'over' : 'failed')
      }
    expect(walk('dial', 'allowed', 'ended', 'open', 'answered', 'failed')).toBe('over')
  })

  it('is placed once', () => {
    expect(walk('dial', 'dial')).toBe('asking')
    expect(walk('dial', 'allowed', 'open', 'dial')).toBe('calling')
  })

  it('says what it does in every state but at rest', () => {
    for (const [state, words] of Object.entries(STATE_WORDS)) expect(words === '').toBe(state === 'idle')
  })
})

describe('what is wrong', () => {
  it('is told apart', () => {
    expect(['NotAllowedError', 'NotFoundError', 'NotReadableError', ''].map(microphoneTrouble)).toEqual([
      'denied',
      'no-microphone',
      'microphone-failed',
      'microphone-failed',
    ])
    expect(permitTrouble(422, 'number.invalid')).toBe('number')
    expect(permitTrouble(429, 'web_call.all_taken')).toBe('busy')
    expect(permitTrouble(429, 'web_call.address_taken')).toBe('busy')
    expect(permitTrouble(429, 'web_call.too_often')).toBe('too-often')
    expect(permitTrouble(429, 'access.too_many')).toBe('too-often')
    expect(permitTrouble(403, 'form.forged')).toBe('form')
    expect(permitTrouble(404, '')).toBe('off')
    expect(permitTrouble(503, 'part.unavailable')).toBe('away')
  })
})

describe('the keyboard', () => {
  it('has the keys of a telephone and no others', () => {
    expect(['1', '0', '*', '#', 'a', 'Enter', '', ' ', '１', 'F1'].map(telephoneKey)).toEqual([
      '1', '0', '*', '#', '', '', '', '', '', '',
    ])
  })
})
