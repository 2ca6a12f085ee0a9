/** Answers of the line about visits and calls out, as `web/routes/ticket_visits.py` and `calls_out.py` give them. */

export interface DueVisit {
  id: number
  number: string
  title: string
  cycle: number
  unit_id: number | null
  due_since: string
}

export interface WaitingFinding {
  id: number
  number: string
  facts: string
  asked_by: string
  asked_at: string
}

export interface CallOut {
  id: number
  number: string
  agent: string | null
  state: string
  outcome: string | null
  talk_ms: number | null
  requested_at: string
  closed_at: string | null
}
