/** Answers of `web/routes/hours.py` on schedules. */

import type { Span, WeekSpan } from './spans'

export interface SpecialDay {
  /** `2026-10-01`. */
  day: string
  /** None: closed that day. */
  spans: Span[]
  note: string
}

export interface Schedule {
  name: string
  spans: WeekSpan[]
  timezone: string
  follows_holidays: boolean
  special_days: SpecialDay[]
  /** Sent back with a change of it. */
  version: number
}

/** The version of a schedule that is not there yet. */
export const NEW = 0
