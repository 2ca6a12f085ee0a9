/** The days whose recordings are listed, in the city's time. Days are texts (`2026-10-01`). */

import { dayAfter } from '@/admin/year'
import { dayOf } from '@/floor/intervals'
import { date, type Moment } from '@/parts/time'

export interface Days {
  first: string
  last: string
}

/** So many days, today the last of them. */
export function lastDays(count: number, now: Moment = Date.now()): Days {
  const last = date(now)
  return { first: dayAfter(last, 1 - count), last }
}

const DAY = /^\d{4}-\d{2}-\d{2}$/

/** Why these days cannot be asked for; empty: they can. */
export function wrongDays({ first, last }: Days): string {
  if (!DAY.test(first) || !DAY.test(last)) return '请选择开始和结束日期。'
  return first > last ? '结束日期早于开始日期。' : ''
}

/** Both days whole, as the interface asks for them. */
export function periodOf({ first, last }: Days): { from: string; to: string } {
  return { from: dayOf(first).from, to: dayOf(last).to }
}
