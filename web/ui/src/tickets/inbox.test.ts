import { describe, expect, it } from 'vitest'

import { left } from './due'
import { addressOf, ALL, filtersOf, isNumber, none, ofPart, queryOf } from './inbox'
import type { Entry } from './types'

describe('the address of the inbox', () => {
  it('holds what narrows and nothing else, and reads back as it was', () => {
    const filters = { ...none(), text: ' 路灯 ', urgency: 'urgent', registered_from: '2026-11-01' }
    const address = addressOf('to_dispatch', filters)
    expect(address).toEqual({ box: 'to_dispatch', text: '路灯', urgency: 'urgent', registered_from: '2026-11-01' })
    expect(filtersOf(address)).toEqual({ ...filters, text: '路灯' })
  })

  it('does not take a day that is none', () => {
    expect(filtersOf({ registered_from: 'yesterday', due_before: '2026-11-30' })).toEqual({ ...none(), due_before: '2026-11-30' })
  })

  it('asks for days of the city, the last one with it', () => {
    const asked = queryOf(ALL, { ...none(), registered_from: '2026-11-01', registered_before: '2026-11-01' })
    expect(asked).toEqual({ registered_from: '2026-10-31T16:00:00.000Z', registered_before: '2026-11-01T16:00:00.000Z' })
    expect(queryOf('overdue', none())).toEqual({ box: 'overdue' })
  })
})

describe('what is looked for', () => {
  it('is a number where it reads like one', () => {
    expect(isNumber(' smx20261121000001 ')).toBe(true)
    expect(isNumber('12345')).toBe(false)
    expect(isNumber('路灯')).toBe(false)
  })
})

describe('a row of a unit', () => {
  const entry: Entry = {
    number: 'S1', title: 't', type: 'help', urgency: 'general', state: 'to_sign', state_term: '待签收', version: 3, part_id: 1, part: 'lead',
    part_state: 'delivered', part_version: 1, delivered_at: '2026-11-01T00:00:00Z', due_at: null, provisional: false,
  }

  it('is signed for in the list by who leads, and by nobody else', () => {
    expect(ofPart(entry).possible).toEqual(['sign_for'])
    expect(ofPart({ ...entry, part: 'assist' }).possible).toEqual([])
    expect(ofPart({ ...entry, state: 'handling', part_state: 'working' }).possible).toEqual([])
  })
})

describe('the time left', () => {
  it('is told by words and by how near the end is', () => {
    const now = '2026-11-01T00:00:00Z'
    expect(left(null, now)).toBeNull()
    expect(left('2026-11-03T01:00:00Z', now)).toEqual({ tone: 'good', text: '剩 2 天 1 小时' })
    expect(left('2026-11-01T03:00:00Z', now)).toEqual({ tone: 'wait', text: '剩 3 小时' })
    expect(left('2026-10-31T22:00:00Z', now)).toEqual({ tone: 'bad', text: '已超 2 小时' })
  })
})
