/** Answers of `web/routes/ticket_policies.py`. */

export type PolicyState = 'past' | 'in_force' | 'planned' | 'withdrawn'

/** A ground of refusal of the city's own. */
export interface LocalGround {
  code: string
  term: string
  under: string
  basis: string
  guidance: string
}

export type Value = number | boolean | string | string[] | LocalGround[]

/** A version's rules by field (`ticketing/policy.py`). */
export type Rules = Record<string, Value>

export interface Version {
  /** 0: the regulation, which nobody laid down. */
  number: number
  state: PolicyState
  first_day: string | null
  policy: Rules
  note: string
  made_by: string | null
  made_at: string | null
  withdrawn_by: string | null
  withdrawn_at: string | null
}

export interface Versions {
  edition: number
  /** The first day that a new version may have. */
  earliest: string
  /** The number of the version that a new one comes after. */
  newest: number
  /** Newest first. */
  versions: Version[]
}

export interface Changes {
  number: number
  since: number | null
  changes: { field: string; before: Value; after: Value }[]
}

/** JSON Schema of the rules, as far as a form needs it. */
export interface Bounds {
  minimum?: number
  maximum?: number
  minItems?: number
}

export interface Schema {
  properties: Record<string, Bounds>
}
