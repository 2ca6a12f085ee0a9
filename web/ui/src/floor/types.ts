/** Answers of `web/routes/figures.py`, `floor.py`, `floor_messages.py`, `supervision.py` and of the figures' socket. */

import type { AgentState } from '@/desk/types'

export type { AgentState } from '@/desk/types'

/** Waiting now, and today's counts. Rates are 0 to 1; null: nothing to measure. Moments are the line's milliseconds. */
export interface Traffic {
  waiting: number
  longest_since_ms: number | null
  offered: number
  answered: number
  abandoned: number
  short_abandoned: number
  connection_rate: number | null
  promptness: number | null
  service_level: number | null
  abandonment: number | null
  average_answer_ms: number | null
}

export interface QueueEntry extends Traffic {
  name: string
  ready: number
  talking: number
  wrap_up: number
}

export interface AgentEntry {
  extension: string
  state: AgentState
  reason: string
  since_ms: number
  queue: string
  calls: number
  missed: number
  talk_ms: number
}

export interface LineEntry extends Traffic {
  agents: Partial<Record<AgentState, number>>
  connection_rate_24h: number | null
}

export interface BoardBody {
  queues: Record<string, QueueEntry>
  agents: Record<string, AgentEntry>
  /** Empty while nobody has worked it out yet. */
  line: LineEntry | Record<string, never>
  kept_up: boolean
  at_ms: number
}

/** Only fields that are different. */
export interface ChangeBody {
  queues?: Record<string, Partial<QueueEntry>>
  agents?: Record<string, Partial<AgentEntry>>
  line?: Partial<LineEntry>
  gone?: { queues?: string[]; agents?: string[] }
}

export type SupervisionState =
  | 'calling'
  | 'listening'
  | 'whispering'
  | 'barged'
  | 'taking_over'
  | 'talking'
  | 'ended'

export interface Part {
  supervisor: string
  agent: string
  call: string
  state: SupervisionState
  since_ms: number
  extension: string
  why: string
}

export interface Seat {
  agent: string
  name: string
  team: string | null
  extension: string
  state: AgentState
  reason: string
  since_ms: number
  call: string | null
  queue: string
  supervised: Part[]
}

export interface Floor {
  agents: Seat[]
  own: Part | null
}

export interface Waiting {
  call: string
  queue: string
  position: number
  hotline: string
  entered_ms: number
  place_ms: number
  waited_ms: number
  groups: string[]
  prefer: string
}

export interface Team {
  team: string
  name: string
  agents: string[]
  supervisors: string[]
}

export interface SentMessage {
  id: number
  audience: string
  text: string
  sent_at: string
  receipts: { agent: string; read_at: string | null }[]
}

export interface HistoryRow {
  subject: string
  starts_at: string
  counts: Record<string, number>
  figures: Record<string, number | null>
}

export interface History {
  rows: HistoryRow[]
  total: { counts: Record<string, number>; figures: Record<string, number | null> }
}
