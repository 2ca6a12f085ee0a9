/** Answers of the line about tickets, as `web/routes/tickets.py`, `ticket_*.py` and `unit_desk.py` give them. */

export interface Ticket {
  number: string
  type: string
  type_term: string
  title: string
  content: string
  source: string
  caller_number: string
  caller_name: string
  address: string
  area_code: string
  category: string
  urgency: string
  confidentiality: string
  hotline: string
  unit_tag: string
  state: string
  state_term: string
  stage_term: string
  version: number
  registered_by: string
  registered_at: string
  updated_at: string
  possible: string[]
}

export interface Listed extends Ticket {
  due_at: string | null
}

/** A row of an inbox: of a unit's part, or of a ticket. */
export interface Row {
  number: string
  title: string
  type: string
  urgency: string
  state_term: string
  version: number
  due_at: string | null
  since: string
  /** Of a part: what the unit is in it. */
  part: string
  /** What may be done with the row at once, as far as the list knows. */
  possible: string[]
}

/** `GET /api/unit-desk/{box}`. */
export interface Entry {
  number: string
  title: string
  type: string
  urgency: string
  state: string
  state_term: string
  version: number
  part_id: number
  part: string
  part_state: string
  part_version: number
  delivered_at: string
  due_at: string | null
  provisional: boolean
}

export interface Box {
  box: string
  term: string
  count: number
}

export interface HistoryEntry {
  version: number
  action: string
  actor: string
  from_state: string | null
  to_state: string
  at: string
  note: string
  details: Record<string, unknown>
}

export interface Assignment {
  id: number
  unit_id: number
  part: string
  parent_id: number | null
  state: string
  version: number
  delivered_at: string
  signed_at: string | null
  due_at: string | null
  replied_at: string | null
  withdrawn_at: string | null
}

export interface PartOut extends Assignment {
  state_term: string
  possible: string[]
}

export interface Clock {
  kind: string
  unit_id: number | null
  begun_at: string
  ends_at: string
  provisional: boolean
  ended_at: string | null
  ended: string | null
  overdue_cause: string | null
}

export interface TicketFile {
  ticket: Ticket
  history: HistoryEntry[]
  assignments: Assignment[]
  clocks: Clock[]
  calls: string[]
}

export interface Caller {
  caller_number: string
  caller_name: string
  address: string
}

/** What every record beside a ticket has: a question, a procedure, a ruling. */
export interface TicketRecord {
  id: number
  state_term: string
  version: number
  possible: string[]
  [more: string]: unknown
}

export interface Contact {
  id: number
  unit_id: number | null
  at: string
  way: string
  by: string
  outcome: string
  note: string
}

export interface Visit {
  id: number
  cycle: number
  state_term: string
  outcome_term: string | null
  contacted: boolean | null
  solved: boolean | null
  satisfaction: string | null
  visited_by: string | null
  visited_at: string | null
}

export interface Visits {
  visits: Visit[]
  attempts: { way: string; by: string; at: string }[]
}

export interface Link {
  kind: string
  number: string
  title?: string
  [more: string]: unknown
}

export interface Suggestion {
  lead_unit: number
  lead_name: string
  assisting_units: number[]
  confidence: number
  grounds: { source: string; text: string; numbers: string[] }[]
}

export interface Suggestions {
  suggested: Suggestion[]
  barred: number[]
}
