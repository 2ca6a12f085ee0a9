/** Answers of the line about follow-up rounds, as `web/routes/rounds.py` gives them. */

export interface Round {
  id: number
  name: string
  mode: string
  state: string
  made_by: string
  made_at: string
  closed_at: string | null
}

export interface Report {
  total: number
  open: number
  attempts: number
  states: Record<string, number>
  results: Record<string, number>
  reached: number
  rated: number
  satisfaction: number | null
  response: number | null
}

export interface Item {
  id: number
  round_id: number
  position: number
  ticket: string
  state: string
  attempts: number
  last_at: string | null
  next_at: string
  agent: string | null
  lease_until: string | null
  outcome: string | null
  result: string | null
  note: string
  on_ticket: boolean | null
  sms_due_at: string | null
}

/** What an agent writes down after a talk: a result, or when the citizen wants to be called instead. */
export interface Outcome {
  result?: string
  again_at?: string
  note: string
}

export interface Skip {
  reason: string
  until: string | null
}
