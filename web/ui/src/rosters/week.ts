/** Weeks of the roster in the city's days, and what a plan of shifts comes to. Days are `2026-11-23`. */

import { date, dateTime } from '@/parts/time'

import type { Plan, Shift } from './types'

type Hours = Pick<Shift, 'starts_at' | 'ends_at'>

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
/** The city's zone, which has no summer time. */
const OFFSET = '+08:00'
/** As `acd/roster.py` and `web/routes/rosters.py` have them. */
export const LONGEST_HOURS = 16
export const LONGEST_DAYS = 92

const NAMES = ['周一', '周二', '周三', '周四', '周五', '周六', '周日']

export function addDays(day: string, count: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + count * DAY_MS).toISOString().slice(0, 10)
}

/** Monday 1. */
export function weekdayOf(day: string): number {
  return new Date(`${day}T00:00:00Z`).getUTCDay() || 7
}

export function weekdayName(weekday: number): string {
  return NAMES[weekday - 1] ?? ''
}

/** `11-23 周一`. */
export function dayTitle(day: string): string {
  return `${day.slice(5)} ${weekdayName(weekdayOf(day))}`
}

export function mondayOf(day: string): string {
  return addDays(day, 1 - weekdayOf(day))
}

/** The Monday of the week that an address names; of `today`'s week if it names none. */
export function weekNamed(asked: unknown, today: string): string {
  const named = typeof asked === 'string' && /^20\d\d-\d\d-\d\d$/.test(asked) && !Number.isNaN(Date.parse(`${asked}T00:00:00Z`))
  return mondayOf(named ? addDays(asked, 0) : today)
}

export function daysFrom(first: string, count: number): string[] {
  return Array.from({ length: count }, (_, place) => addDays(first, place))
}

/** The moment a day begins. */
export function startOf(day: string): string {
  return `${day}T00:00:00${OFFSET}`
}

/** `08:00-16:00`, `22:00-次日 06:00`. */
export function hoursText({ starts_at, ends_at }: Hours): string {
  const [from, until] = [dateTime(starts_at), dateTime(ends_at)]
  return `${from.slice(11)}-${from.slice(0, 10) === until.slice(0, 10) ? '' : '次日 '}${until.slice(11)}`
}

/** `11-23 周一 08:00-16:00`. */
export function shiftText(shift: Hours): string {
  return `${dayTitle(date(shift.starts_at))} ${hoursText(shift)}`
}

export interface Cell {
  shift: Shift
  /** It began on a day before the table's first. */
  before: boolean
}

export interface Row {
  agent: string
  name: string
  hours: number
  /** One list for each day, in the order of beginnings. */
  days: Cell[][]
}

/** Shifts as a table: people by work number, each shift on the day it begins; what began before the first day stands
 * under that. */
export function table(shifts: readonly Shift[], days: readonly string[]): Row[] {
  const rows = new Map<string, Row>()
  const [first = ''] = days
  for (const shift of [...shifts].sort((a, b) => Date.parse(a.starts_at) - Date.parse(b.starts_at))) {
    const on = date(shift.starts_at)
    const place = on < first ? 0 : days.indexOf(on)
    // Of another week, say the one that was read before.
    if (place < 0 || Date.parse(shift.ends_at) <= Date.parse(startOf(first))) continue
    const row = rows.get(shift.agent) ?? { agent: shift.agent, name: shift.name, hours: 0, days: days.map(() => []) }
    if (on >= first) row.hours += (Date.parse(shift.ends_at) - Date.parse(shift.starts_at)) / HOUR_MS
    row.days[place]?.push({ shift, before: on < first })
    rows.set(shift.agent, row)
  }
  return [...rows.values()].sort((a, b) => a.agent.localeCompare(b.agent))
}

/** How many people begin a shift on each day. */
export function heads(rows: readonly Row[], days: readonly string[]): number[] {
  return days.map((_, place) => rows.filter((row) => row.days[place]?.some((cell) => !cell.before)).length)
}

function minutes(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5))
}

/** How long a shift of these hours lasts, in hours. */
export function lasting(begins: string, ends: string): number {
  const length = minutes(ends) - minutes(begins)
  return (length > 0 ? length : length + 24 * 60) / 60
}

/** The days of a plan. */
export function planDays(plan: Pick<Plan, 'first' | 'last' | 'weekdays'>): string[] {
  if (!plan.first || !plan.last || plan.last < plan.first || addDays(plan.first, LONGEST_DAYS) < plan.last) return []
  const days: string[] = []
  for (let day = plan.first; day <= plan.last; day = addDays(day, 1)) {
    if (plan.weekdays.includes(weekdayOf(day))) days.push(day)
  }
  return days
}

/** A plan's shift that begins on `day`. */
export function planned(plan: Pick<Plan, 'begins' | 'ends'>, day: string): Hours {
  const until = plan.ends > plan.begins ? day : addDays(day, 1)
  return { starts_at: `${day}T${plan.begins}:00${OFFSET}`, ends_at: `${until}T${plan.ends}:00${OFFSET}` }
}

/** Why a plan cannot be laid down; empty: it can. */
export function planWrong(plan: Plan, now: number): string {
  if (!plan.agents.length) return '请至少选一人。'
  if (plan.last < plan.first) return '结束日期早于开始日期。'
  if (addDays(plan.first, LONGEST_DAYS) < plan.last) return `一次最多排 ${LONGEST_DAYS} 天。`
  const days = planDays(plan)
  const [first] = days
  if (first === undefined) return '这段日期里没有选中的星期。'
  if (lasting(plan.begins, plan.ends) > LONGEST_HOURS) return `一个班次最长 ${LONGEST_HOURS} 小时。`
  if (Date.parse(planned(plan, first).ends_at) <= now) return `${first} 的班次已经结束，请从以后的日期排起。`
  return ''
}

/** Shifts that are there already and in the way of a plan. */
export function inTheWay(plan: Plan, shifts: readonly Shift[]): Shift[] {
  const wanted = planDays(plan).map((day) => planned(plan, day))
  return shifts.filter(
    (one) =>
      plan.agents.includes(one.agent) &&
      wanted.some(
        ({ starts_at, ends_at }) => Date.parse(one.starts_at) < Date.parse(ends_at) && Date.parse(one.ends_at) > Date.parse(starts_at),
      ),
  )
}
