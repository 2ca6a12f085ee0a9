/** Answers of `web/routes/agent_calls.py`. Durations are milliseconds. */

export interface Owed {
  callback: number
  next_at: string
}

export interface MyCall {
  call: string
  /** Tells two offers of one call apart. */
  offer: string
  direction: 'in' | 'callback' | 'out'
  came: 'ringing' | 'talking' | 'talked' | 'not_reached' | 'no_answer' | 'rejected' | 'failed' | 'withdrawn'
  offered_at: string
  answered_at: string | null
  /** Masked. */
  number: string
  line: string | null
  ring_ms: number | null
  talk_ms: number | null
  wrap_up_ms: number
  level: number | null
  term: string | null
  satisfied: boolean | null
  tickets: string[]
  owed: Owed[]
}

export interface Sums {
  agent: string
  day: string
  offers: number
  taken: number
  talk_ms: number
  mean_wrap_up_ms: number | null
  rated: number
  satisfaction: number | null
  callbacks_owed: number
}
