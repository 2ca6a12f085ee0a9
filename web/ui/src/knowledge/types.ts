/** Answers of `web/routes/knowledge.py` and `knowledge_editing.py`. */

export type VersionState = 'draft' | 'checked' | 'published' | 'rejected' | 'replaced' | 'withdrawn'
export type Step = 'check' | 'reject' | 'publish' | 'withdraw'

export interface Content {
  title: string
  answer: string
  /** For the telephone; empty: it is not read aloud. */
  spoken: string
  category: string
  public: boolean
  valid_from: string
  valid_until: string | null
  comment: string
}

export interface Version extends Content {
  number: number
  state: VersionState
  written_by: string
  written_at: string
  checked_by: string | null
  checked_at: string | null
  published_by: string | null
  published_at: string | null
  closed_by: string | null
  closed_at: string | null
  closed_why: string
}

export interface Report {
  id: number
  version: number
  note: string
  reported_by: string
  reported_at: string
  settled_by: string | null
  settled_at: string | null
  outcome: string
}

export interface EntryFile {
  entry: { code: string; unit_id: number; review_on: string; latest: number; created_by: string; created_at: string }
  /** Newest first. */
  versions: Version[]
  reports: Report[]
}

export interface Waiting {
  code: string
  unit_id: number
  number: number
  state: VersionState
  title: string
  comment: string
  written_by: string
  written_at: string
}

export interface Stale {
  code: string
  title: string
  unit: string
  review_on: string
  valid_until: string | null
  open_reports: number
  why: ('review_due' | 'ended' | 'reported' | 'never_published')[]
}

export interface Kept {
  id: number
  code: string
  unit_id: number
  unit: string
  number: number
  state: VersionState
  title: string
  category: string
  public: boolean
  review_on: string
  valid_until: string | null
}
