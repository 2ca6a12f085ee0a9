/** Answers of `web/routes/directory.py`, `line_modes.py`, `hours.py`, `contacts.py`, `sign_in_help.py` and `health.py`. */

export interface Hotline {
  number: string
  name_source: string
  name_spoken: string
  name_confirmed: boolean
  unit_id: number | null
  unit: string
  /** Null before the first mode begins. */
  mode: string | null
  platform: 'ours' | 'own' | null
  expert_seats: boolean
  effective_from: string | null
  next_change: string | null
  open_now: boolean
}

export interface LinePlan {
  number: string
  name_spoken: string
  unit: string
  mode: string
  platform: 'ours' | 'own'
  path: string
  groups_first: string[]
  targets: { number: string }[]
  greet_first: boolean
  open_now: boolean
}

export interface How {
  mode: string
  platform: 'ours' | 'own'
  expert_seats: boolean
  effective_from: string
}

export interface LineMode extends How {
  id: number
  state: 'past' | 'in_force' | 'planned'
  path: string
  recorded_at: string
  recorded_by: string
}

export interface LineChoice {
  mode: string
  mode_term: string
  platform: 'ours' | 'own'
  path: string
  fallback: string
  experts: boolean
  unit_required: boolean
  source: string
}

export interface LineModes {
  line: string
  name: string
  unit_id: number | null
  /** How many numbers of its own calls of the line are transferred to. */
  numbers: number
  modes: LineMode[]
  cancelled: (How & { at: string; by: string })[]
  choices: LineChoice[]
}

export interface Unit {
  id: number
  name: string
  level: string
  parent_id: number | null
}

export interface ContactIn {
  unit_id: number
  name: string
  number: string
  duty: string
  position: number
  schedule: string | null
}

export interface Contact extends ContactIn {
  id: number
  key: string
}

export interface Health {
  status: string
  parts: Record<string, string>
}

export interface Workday {
  /** `2026-10-01`. */
  day: string
  /** Null: nobody has laid it down yet. */
  worked: boolean | null
  /** Laid down by this city, not by the State Council. */
  here: boolean
  note: string
  /** Sent back with a change of it. */
  version: number
}

export interface CalendarYears {
  known_until: string
  complete: number[]
}

export interface CalendarEffect {
  sooner: number
  later: number
  tickets: number
}
