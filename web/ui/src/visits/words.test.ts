import { describe, expect, it } from 'vitest'

import type { CallOut } from './types'
import { callWords, triedWords } from './words'

const CALL: CallOut = { id: 1, number: '138****5678', agent: '1007', state: 'requested', outcome: null, talk_ms: null, requested_at: '2026-11-22T02:00:00Z', closed_at: null }

describe('a call out', () => {
  it('says where it is', () => {
    expect(callWords(CALL)).toBe('正在接续')
    expect(callWords({ ...CALL, state: 'placing' })).toBe('正在呼叫您的话机，请接听')
  })

  it('says how the citizen answered, and how long they talked', () => {
    expect(callWords({ ...CALL, state: 'ended', outcome: 'no_answer' })).toBe('呼叫结束：无人接听')
    expect(callWords({ ...CALL, state: 'ended', outcome: 'answered', talk_ms: 95_000 })).toBe('呼叫结束：已接通，通话 1 分钟')
  })

  it('tells a call that was lost on the way from a talk whose end nobody knows', () => {
    expect(callWords({ ...CALL, state: 'not_placed', outcome: 'lost' })).toBe('没有呼出：接续中断')
    expect(callWords({ ...CALL, state: 'ended', outcome: 'lost' })).toBe('呼叫结束：通话结果未知')
    expect(callWords({ ...CALL, state: 'not_placed', outcome: 'expired' })).toBe('没有呼出：已撤回，或接续超时')
  })
})

it('attempts are counted by days', () => {
  expect(triedWords([])).toBe('还没有呼叫过诉求人')
  expect(triedWords(['2026-11-21', '2026-11-21', '2026-11-22'])).toBe('已呼叫 3 次，在 2 天里')
})
