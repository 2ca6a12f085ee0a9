/** What the routes of menus (web/routes/menu*.py, prompts*.py) take and give, and a flow as the editor holds it. */

export interface Prompt {
  text: string
  recording: string | null
}

export interface Option {
  label: string
  next: string | null
}

/** A test of a condition; its other fields are those of its kind in the published schema. */
export interface Test {
  test: string
  [field: string]: unknown
}

export interface ConditionCase {
  when: Test
  next: string | null
}

export type NodeType =
  | 'entry'
  | 'say'
  | 'menu'
  | 'collect'
  | 'condition'
  | 'set'
  | 'queue'
  | 'transfer'
  | 'emergency'
  | 'progress'
  | 'knowledge'
  | 'callback'
  | 'message'
  | 'survey'
  | 'subflow'
  | 'return'
  | 'web'
  | 'hangup'

/** One step. Its fields are those of its type in the published schema, so they are read by name. */
export interface FlowNode {
  type: NodeType
  note?: string
  [field: string]: unknown
}

export interface ExpectedEnd {
  at: string
  of: string | null
  within_seconds: number | null
}

export interface MenuCase {
  name: string
  at: string
  line: string
  keys: string[]
  tags: string[]
  answers: Record<string, Record<string, string> | null>
  expect: ExpectedEnd
}

export interface Flow {
  flow: string
  name: string
  language: string
  entry: string
  nodes: Record<string, FlowNode>
  cases: MenuCase[]
}

export interface Finding {
  id: string
  rule: string
  severity: 'error' | 'warning'
  node: string
  field: string
  message: string
  remedy: string
}

export interface CaseResult {
  name: string
  passed: boolean
  reasons: string[]
  end: string | null
  of: string | null
  seconds: number | null
}

export interface Verdict {
  sound: boolean
  findings: Finding[]
  cases: CaseResult[]
  coverage: { share: number; nodes_left: string[]; branches_left: string[] }
  led_here: Record<string, string[]>
}

export interface Draft {
  flow: string
  revision: number
  document: Flow
  saved_by: string
  saved_at: string
}

export interface SavedDraft extends Draft {
  verdict: Verdict
}

export interface Version {
  flow: string
  version: number
  comment: string
  author: string
  approved_by: string | null
  published_at: string
  effective_at: string
  revision: number | null
  restores: number | null
  acknowledged: { id: string; text: string }[]
}

export interface VersionInHistory {
  version: Version
  standing: 'in_force' | 'scheduled' | 'past' | 'withdrawn'
  withdrawn_by: string | null
  withdrawn_at: string | null
}

export interface Proposal {
  id: number
  flow: string
  revision: number
  comment: string
  author: string
  proposed_at: string
  effective_at: string | null
  acknowledged: string[]
  decision: string | null
  decided_by: string | null
  decided_at: string | null
  reason: string
  version: number | null
}

export interface Overview {
  flow: string
  name: string
  revision: number
  saved_by: string
  saved_at: string
  changed: boolean
  version: number | null
  scheduled: Version[]
  proposal: Proposal | null
  lines: string[]
}

export interface Change {
  kind: string
  node: string
  field: string
  before: unknown
  after: unknown
  words: string
}

export type Side = 'base' | 'mine' | 'theirs'

export interface Conflict {
  at: string
  sides: Partial<Record<Side, unknown>>
}

export interface Merge {
  base: Flow | null
  mine: Flow
  theirs: Draft
  my_changes: Change[]
  their_changes: Change[]
  conflicts: Conflict[]
  document: Flow | null
}

export interface Stash {
  id: number
  base_revision: number
  at: string
}

export interface Step {
  seconds: number
  flow: string
  node: string
  what: 'say' | 'key' | 'ask' | 'answer'
  text: string
}

export interface Simulated {
  at: string
  of: string | null
  why: string
  seconds: number
  human_seconds: number | null
  path: string[]
  transcript: Step[]
  nodes_left: string[]
  branches_left: string[]
  /** Where the caller was asked and had nothing left to press. */
  asked: { flow: string; node: string; told: number; left: number } | null
}

export interface Assignment {
  id: number
  line: string
  flow: string | null
  effective_at: string
  by: string
  at: string
}

export interface LineMenu {
  line: string
  name: string
  flow: string | null
  since: string | null
  upcoming: Assignment[]
  off: boolean
}

export interface Switch {
  line: string
  by: string
  at: string
  reason: string
}

export interface BranchFigures {
  version: number
  node: string
  branch: string
  visits: number
  mean_ms: number
  p50_ms: number
  p95_ms: number
}

export interface Figures {
  begin: string
  end: string
  calls: Record<string, number>
  branches: BranchFigures[]
}

export interface StudioText {
  key: string
  text: string
  state: string
  voice: string
  why: string | null
  ordered_by: string
  ordered_at: string
  spoken_by: string | null
  duration_ms: number | null
  rendered_at: string | null
}

/** A fixed text of a flow's draft. */
export interface Piece {
  key: string
  text: string
  nodes: string[]
  rendered: boolean
  seconds: number
}

export interface Use {
  flow: string
  name: string
  draft: string[]
  versions: Record<string, string[]>
}

export interface Voices {
  voices: string[]
  default: string
  installed: boolean
}

export interface Recording {
  code: string
  name: string
  text: string
  published: number | null
  published_by: string | null
  published_at: string | null
}

export interface RecordingVersion {
  code: string
  version: number
  kind: string
  duration_ms: number
  trimmed_ms: number
  level_before: number
  sha256: string
  uploaded_by: string
  uploaded_at: string
}

/** An editor's own rehearsal of a draft; `at` is the flow and the node that runs. */
export interface Rehearsal {
  id: string
  flow: string
  revision: number
  line: string
  extension: string
  state: 'asked' | 'ringing' | 'running' | 'ended'
  at: [string, string] | null
  path: { flow: string; node: string; branch: string }[]
  /** What was left out, in words. */
  told: string[]
  /** Where a citizen would be, in words; or why there was no call. */
  end: string
}
