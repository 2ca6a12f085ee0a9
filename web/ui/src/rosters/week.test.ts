import { describe, expect, it } from 'vitest'

import type { Plan, Shift } from './types'
import {
  addDays, dayTitle, daysFrom, heads, hoursText, inTheWay, lasting, mondayOf, planDays, planned, planWrong, shiftText, table, weekNamed,
} from './week'

const MONDAY = '2026-11-23'
const WEEK = daysFrom(MONDAY, 7)

function shift(agent: string, starts: string, ends: string, id = 1): Shift {
  const at = (local: string): string => new Date(`${local}:00+08:00`).toISOString()
  return { id, agent, name: `人${agent}`, unit_id: null, group: 'general', starts_at: at(starts), ends_at: at(ends), note: '', assigned_by: 'x' }
}

function plan(changes: Partial<Plan> = {}): Plan {
  const usual = { agents: ['1001'], group: 'general', first: MONDAY, last: '2026-11-29', weekdays: [1, 3], begins: '22:00', ends: '06:00', note: '' }
  return { ...usual, ...changes }
}

const BEFORE = Date.parse('2026-11-20T00:00:00Z')

describe('weeks', () => {
  it('begin on Mondays, over the turns of months and years', () => {
    expect(['2026-11-23', '2026-11-29', '2027-01-01', '2028-03-01'].map(mondayOf)).toEqual(['2026-11-23', '2026-11-23', '2026-12-28', '2028-02-28'])
    expect(addDays('2026-03-01', -1)).toBe('2026-02-28')
    expect(dayTitle('2026-11-29')).toBe('11-29 周日')
  })

  it('are named by any of their days, and by nonsense not at all', () => {
    expect(weekNamed('2026-12-03', MONDAY)).toBe('2026-11-30')
    expect([undefined, 'x', '2026-13-40', ['2026-12-03']].map((asked) => weekNamed(asked, '2026-11-26'))).toEqual(Array(4).fill(MONDAY))
  })
})

describe('shifts in words', () => {
  it('are in the city’s hours, over midnight too', () => {
    expect(hoursText(shift('1', '2026-11-23T08:00', '2026-11-23T16:30'))).toBe('08:00-16:30')
    expect(shiftText(shift('1', '2026-11-29T22:00', '2026-11-30T06:00'))).toBe('11-29 周日 22:00-次日 06:00')
  })
})

describe('the table of a week', () => {
  it('has people by work number, shifts on the day they begin, and their hours', () => {
    const rows = table(
      [shift('1002', '2026-11-29T22:00', '2026-11-30T06:00', 3), shift('1001', '2026-11-24T13:00', '2026-11-24T17:00', 2), shift('1001', '2026-11-24T08:00', '2026-11-24T12:00')],
      WEEK,
    )
    expect(rows.map((row) => [row.agent, row.hours])).toEqual([['1001', 8], ['1002', 8]])
    expect(rows[0]!.days.map((cells) => cells.map(({ shift: one }) => one.id))).toEqual([[], [1, 2], [], [], [], [], []])
    expect(rows[1]!.days[6]!.map(({ shift: one }) => one.id)).toEqual([3])
    expect(heads(rows, WEEK)).toEqual([0, 1, 0, 0, 0, 0, 1])
  })

  it('shows what began before under its first day, and counts neither its hours nor its head', () => {
    const rows = table([shift('1001', '2026-11-22T22:00', '2026-11-23T06:00')], WEEK)
    expect([rows[0]!.days[0]![0]!.before, rows[0]!.hours]).toEqual([true, 0])
    expect(heads(rows, WEEK)[0]).toBe(0)
  })

  it('leaves out what begins after and what ended before', () => {
    expect(table([shift('1001', '2026-11-30T00:00', '2026-11-30T06:00')], WEEK)).toEqual([])
    expect(table([shift('1001', '2026-11-22T16:00', '2026-11-23T00:00')], WEEK)).toEqual([])
  })
})

describe('a plan', () => {
  it('has the weekdays of its span', () => {
    expect(planDays(plan())).toEqual(['2026-11-23', '2026-11-25'])
    expect(planDays(plan({ last: '2026-11-22' }))).toEqual([])
  })

  it('lasts over midnight where it ends no later than it begins', () => {
    expect([lasting('22:00', '06:00'), lasting('08:30', '12:00'), lasting('08:00', '08:00')]).toEqual([8, 3.5, 24])
    expect(planned(plan(), MONDAY)).toEqual({ starts_at: '2026-11-23T22:00:00+08:00', ends_at: '2026-11-24T06:00:00+08:00' })
    expect(planned(plan({ begins: '08:00', ends: '12:00' }), MONDAY).ends_at).toBe('2026-11-23T12:00:00+08:00')
  })

  it.each<[Partial<Plan>, string]>([
    [{}, ''],
    [{ last: '2027-02-23' }, ''],
    [{ agents: [] }, '至少选一人'],
    [{ last: '2026-11-22' }, '早于'],
    [{ last: '2027-02-24' }, '92 天'],
    [{ weekdays: [2], last: MONDAY }, '没有选中的星期'],
    [{ begins: '08:00', ends: '08:00' }, '16 小时'],
    [{ first: '2026-11-16' }, '2026-11-16 的班次已经结束'],
  ])('%o: %s', (changes, why) => {
    if (why) expect(planWrong(plan(changes), BEFORE)).toContain(why)
    else expect(planWrong(plan(changes), BEFORE)).toBe('')
  })

  it('finds what is in its way, and not what only touches it', () => {
    const there = [
      shift('1001', '2026-11-24T05:00', '2026-11-24T09:00', 1),
      shift('1001', '2026-11-24T06:00', '2026-11-24T09:00', 2),
      shift('1002', '2026-11-23T22:00', '2026-11-24T06:00', 3),
    ]
    expect(inTheWay(plan(), there).map(({ id }) => id)).toEqual([1])
  })
})
