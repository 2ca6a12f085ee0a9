/** What the agent's socket and the routes of the desk say, as `web/agent_socket.py` and `web/routes/` have it. */

export type AgentState =
  | 'SIGNED_OUT'
  | 'READY'
  | 'NOT_READY'
  | 'RESERVED'
  | 'RINGING'
  | 'TALKING'
  | 'HOLD'
  | 'CONSULT'
  | 'CONFERENCE'
  | 'WRAP_UP'
  | 'UNREACHABLE'

/** `GET /api/agents/me`; moments are milliseconds since 1970. */
export interface AgentView {
  agent: string
  extension: string
  state: AgentState
  reason: string
  since_ms: number
  pending: AgentState | null
  pending_reason?: string
  deadline_ms: number | null
  call: string | null
}

/** A change of the agent, as the socket tells it. */
export interface AgentChange {
  agent: string
  extension: string
  state: AgentState
  reason: string
  pending: AgentState | null
  since_ms: number
}

export interface OpenTicket {
  number: string
  title: string
  state: string
}

export interface EarlierCall {
  call: string
  at: string
  dialled: string | null
  agent: string | null
  outcome: string | null
}

export interface Nuisance {
  flag: number
  measure: string
  reason: string
}

/** Data another platform sent ahead of this call (数据随话务). */
export interface Arrival {
  partner: string
  case_number: string
  ticket: string
  summary: string
  received_at: string
  sure: boolean
}

/** What a colleague says of the call that is passed on. */
export interface Handover {
  id: string
  from: string
  ticket: string
  summary: string
  location: string
}

/** 来电弹屏. */
export interface Pop {
  reservation: string
  call: string
  caller: string | null
  dialled: string
  line: string
  unit: string
  waited_ms: number
  group: string
  open_tickets: OpenTicket[]
  earlier_calls: EarlierCall[]
  vulnerable: boolean
  nuisance: Nuisance | null
  history_unavailable?: boolean
  handovers?: Arrival[]
  handover?: Handover
  callback?: { kind: string; requested_at: string }
  call_out?: { id: number; purpose: string; ticket: string | null }
  /** 网页通话: by the citizens' own page, without a number. */
  access?: 'web'
  /** What such a citizen typed as the number to call back; nobody has verified it. */
  declared?: string
}

export type TalkState =
  | 'talking'
  | 'held'
  | 'in_menu'
  | 'consult_calling'
  | 'consult'
  | 'join_calling'
  | 'conference'
  | 'blind_calling'
  | 'passed'
  | 'queued'
  | 'ended'

export type TalkCommand =
  | 'hold'
  | 'retrieve'
  | 'consult'
  | 'three_way'
  | 'blind'
  | 'to_queue'
  | 'join'
  | 'leave'
  | 'drop'
  | 'to_menu'
  | 'to_survey'
  | 'hang_up'
  | 'pause'
  | 'resume'

/** A change of the agent's talk. */
export interface TalkTold {
  call: string
  state: TalkState
  third: string
  why?: string
}

export interface TalkRefused {
  call: string
  command: TalkCommand
  code: string
  why: string
}

export interface Message {
  id: number
  from: string
  text: string
  at: string
}

export interface LinkedTicket {
  call: string
  number: string
  title: string
  state: string
}

/** A piece of what is said, from an engine that writes speech down (实时转写) behind the feed. */
export interface Said {
  call: string
  serial: number
  who: 'caller' | 'agent' | 'third'
  text: string
}

export interface CallOutTold {
  id: number
  call: string
  ticket: string | null
  state: string
  outcome?: string
}

export interface Supervised {
  call: string
  supervisor: string
  state: string
}

export interface Hello {
  agent: AgentView | null
  resumed: boolean
  at_ms: number
  pop: Pop | null
  talk?: TalkTold | null
}

/** Every message of `/ws/agent`. */
export type Frame =
  | { cursor: string | null; kind: 'hello'; body: Hello }
  | { cursor: string | null; kind: 'agent_state'; body: AgentChange }
  | { cursor: string | null; kind: 'pop'; body: Pop }
  | { cursor: string | null; kind: 'pop_withdrawn'; body: { reservation: string; call: string; outcome: string } }
  | { cursor: string | null; kind: 'call_ended'; body: { call: string; ended_by: string } }
  | { cursor: string | null; kind: 'talk'; body: TalkTold }
  | { cursor: string | null; kind: 'talk_refused'; body: TalkRefused }
  | { cursor: string | null; kind: 'ticket'; body: LinkedTicket }
  | { cursor: string | null; kind: 'message'; body: Message }
  | { cursor: string | null; kind: 'supervised'; body: Supervised }
  | { cursor: string | null; kind: 'handover'; body: Handover & { call: string; caller: string | null } }
  | { cursor: string | null; kind: 'call_out'; body: CallOutTold }
  | { cursor: string | null; kind: 'transcript'; body: Said }
  | { cursor: string | null; kind: 'taken_over'; body: Record<string, never> }
  | { cursor: string | null; kind: 'pong'; body: { at_ms: number } }
  | { cursor: string | null; kind: 'error'; body: { code: string; detail: string; remedy?: string } }

export type Standing = 'free' | 'busy' | 'closed' | 'failing' | 'unknown'

/** `GET /api/targets`. */
export interface Target {
  key: string
  kind: string
  kind_term: string
  name: string
  unit: string
  open_now: boolean
  numbers: number
  ring_seconds: number
  data: boolean
  standing: Standing
  ready: number | null
  waiting: number | null
  agent: AgentState | null
  talking: number
  failures: { at: string; why: string }[]
}

/** `GET /api/knowledge`. */
export interface Answer {
  code: string
  version: number
  title: string
  answer: string
  spoken: string
  category: string
  unit: string
  valid_from: string
  valid_until: string | null
  exact: boolean
}

/** `GET /api/lookups`: a question that this agent may ask a department's own system. */
export interface Lookup {
  code: string
  name: string
  department: string
  fields: { name: string; label: string; hint: string; longest: number }[]
}

/** `POST /api/lookups/{code}`; no fields: nothing was found. */
export interface Looked {
  id: string
  at: string
  fields: { label: string; value: string | null }[]
}

export interface Category {
  code: string
  parent_code: string | null
  name: string
  active: boolean
}

/** A row of the dispatch catalogue (派单目录). */
export interface CatalogueRow {
  id: number
  category_code: string
  area_code: string
  lead_unit_id: number
  assisting_unit_ids: number[]
  from_day: string
  until_day: string | null
}

export interface Unit {
  id: number
  name: string
  level: string
  parent_id: number | null
}

export interface Area {
  code: string
  name: string
}

/** `POST /api/tickets/duplicates`. */
export interface Candidate {
  number: string
  title: string
  state: string
  registered_at: string
  parent: string | null
  proposal: 'merged' | 'repeats'
  confidence: number
  reasons: { why: string; text: string; strength: number }[]
}

export interface TicketOut {
  number: string
  type: string
  title: string
  content: string
  state: string
  state_term: string
  type_term: string
  version: number
  urgency: string
  registered_at: string
  updated_at: string
  possible: string[]
}

/** The answer to a registration; the query code (查询码) is shown this once. */
export interface RegisteredOut extends TicketOut {
  typed_number: string
  query_code: string | null
}

export interface HistoryEntry {
  action: string
  actor: string
  at: string
  note: string
  to_state: string
}

export interface TicketFile {
  ticket: TicketOut
  history: HistoryEntry[]
  clocks: { kind: string; ends_at: string; ended: string | null }[]
  calls: string[]
}

export interface CallSummary {
  call_id: string
  caller: string | null
  dialled: string | null
  line: string | null
  entered_at: string | null
  agent: string | null
  outcome: string | null
}
