/** Answers of `web/routes/rosters.py`. */

export interface Shift {
  id: number
  agent: string
  name: string
  unit_id: number | null
  group: string
  starts_at: string
  ends_at: string
  note: string
  assigned_by: string
}

export interface Missing {
  shift: Shift
  late_s: number
}

export type SwapState = 'asked' | 'agreed' | 'approved' | 'refused' | 'withdrawn'

/** `agent` gives the shift to `to_agent`; `back_...` is the one given for it. */
export interface Swap {
  id: number
  agent: string
  name: string
  to_agent: string
  to_name: string
  shift_id: number
  group: string
  starts_at: string
  ends_at: string
  back_shift_id: number | null
  back_group: string | null
  back_starts_at: string | null
  back_ends_at: string | null
  reason: string
  state: SwapState
  asked_at: string
  decided_by: string | null
}

/** The same hours for each person on each of the days. */
export interface Plan {
  agents: string[]
  group: string
  /** `2026-11-23`. */
  first: string
  last: string
  /** Monday 1. */
  weekdays: number[]
  /** `22:00`, local; an end not after the beginning is on the next day. */
  begins: string
  ends: string
  note: string
}
