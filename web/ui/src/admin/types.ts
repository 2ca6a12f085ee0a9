/** Answers of `web/routes/directory.py`, `contacts.py`, `sign_in_help.py` and `health.py`. */

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
