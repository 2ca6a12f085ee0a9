import { describe, expect, it } from 'vitest'

import type { Item, Report } from './types'
import { afterCall, afterLapse, afterOutcome, afterSkip, counted, inHand, ITEM_STATES, percent, ticketNumbers, withdrawn } from './words'

const ITEM: Item = {
  id: 1, round_id: 1, position: 0, ticket: 'SMX1', state: 'preview', attempts: 0, last_at: null, next_at: '2026-11-23T02:00:00Z', agent: '1007',
  lease_until: null, outcome: null, result: null, note: '', on_ticket: null, sms_due_at: null,
}
const REPORT: Report = { total: 6, open: 3, attempts: 4, states: { waiting: 2, preview: 1, done: 3 }, results: {}, reached: 3, rated: 3, satisfaction: null, response: 1 }

describe('a list of tickets as it is pasted', () => {
  it('is read with any separator, each number once', () => {
    expect(ticketNumbers(' smx1、SMX2\nSMX1，SMX3; ')).toEqual({ numbers: ['SMX1', 'SMX2', 'SMX3'], wrong: [] })
    expect(ticketNumbers('')).toEqual({ numbers: [], wrong: [] })
  })

  it('shows what is no number', () => {
    expect(ticketNumbers('SMX1 路灯 A-1')).toEqual({ numbers: ['SMX1'], wrong: ['路灯', 'A-1'] })
  })
})

describe('a round in numbers', () => {
  it('has a rate, or nothing to divide by', () => {
    expect(percent(5 / 6)).toBe('83.3%')
    expect(percent(0)).toBe('0.0%')
    expect(percent(null)).toBe('—')
  })

  it('counts what closing withdraws, and the states that there are', () => {
    expect(withdrawn(REPORT)).toBe(3)
    expect(withdrawn({ ...REPORT, states: {} })).toBe(0)
    expect(counted(ITEM_STATES, REPORT.states)).toEqual([{ term: '待呼叫', count: 2 }, { term: '已领取', count: 1 }, { term: '已回访', count: 3 }])
  })
})

describe('an item', () => {
  it('is an agent’s as long as it is on the screen, called or to be written down', () => {
    expect(inHand(ITEM, '1007')).toBe(true)
    expect(inHand({ ...ITEM, state: 'done' }, '1007')).toBe(false)
    expect(inHand(ITEM, '1008')).toBe(false)
    expect(inHand({ ...ITEM, agent: null }, null)).toBe(false)
  })

  it('says what came of a call', () => {
    expect(afterCall({ ...ITEM, state: 'waiting', outcome: 'no_answer' })).toBe('无人接听：已排到 2026-11-23 10:00 之后再次呼叫。')
    expect(afterCall({ ...ITEM, state: 'unreachable', outcome: 'busy' })).toContain('未接通，待短信告知')
    expect(afterCall({ ...ITEM, state: 'preview', agent: '1008' })).toContain('已不在您手上')
  })

  it('goes back after its time, or has no result where there was a talk', () => {
    expect(afterLapse({ ...ITEM, state: 'waiting', agent: null })).toContain('已退回批次')
    expect(afterLapse({ ...ITEM, state: 'withdrawn' })).toContain('批次已结束')
    expect(afterLapse({ ...ITEM, state: 'done', result: 'no_result' })).toContain('没有结果')
  })

  it('says what came of an outcome, and whether the ticket took it', () => {
    expect(afterOutcome({ ...ITEM, state: 'done', result: 'satisfied', on_ticket: true })).toBe('SMX1：满意，已写入工单。')
    expect(afterOutcome({ ...ITEM, state: 'done', result: 'satisfied', on_ticket: false })).toContain('只记在批次里')
    expect(afterOutcome({ ...ITEM, state: 'waiting' })).toContain('2026-11-23 10:00 之后再次呼叫')
    expect(afterOutcome({ ...ITEM, state: 'done', result: 'no_result' })).toContain('不能再约')
  })

  it('says when it cannot be put off any more', () => {
    expect(afterSkip({ ...ITEM, state: 'skipped' }, true)).toContain('推迟次数已满')
    expect(afterSkip({ ...ITEM, state: 'skipped' }, false)).toBe('SMX1：登记为不回访。')
    expect(afterSkip({ ...ITEM, state: 'waiting' }, true)).toBe('SMX1：已推迟到 2026-11-23 10:00。')
  })
})
