/** Answers of `web/routes/queues.py`. */

import type { Step } from './steps'

export type TieBreak = 'longest_idle' | 'least_occupied' | 'most_proficient'
export type OverflowAction = 'wait_on' | 'queue' | 'callback' | 'message'

export interface Overflow {
  action: OverflowAction
  /** Of the action `queue`, else empty. */
  queue: string
}

export interface Rule {
  name: string
  steps: Step[]
  tie_break: TieBreak
  wrap_up_ms: number
  wrap_up_max_ms: number
  affinity_ms: number
  /** Null: any number. */
  max_waiting: number | null
  when_full: Overflow
  /** Null: for ever. */
  max_wait_ms: number | null
  when_late: Overflow
  service_level_ms: number
}

export interface Opening {
  schedule: string
  /** Empty: its calls wait in it. */
  closed_queue: string
  version: number
}

export interface Queue {
  queue: string
  /** 0: a default, nobody has laid it down. */
  version: number
  has_default: boolean
  rule: Rule
  /** Null: always open. */
  opening: Opening | null
  taken_by: string
  provisional: boolean
  /** Null: distribution does not answer. */
  waiting: number | null
}
