/** Answers of `web/routes/recordings.py`. */

export type State = 'recording' | 'sealed' | 'damaged' | 'erased'

/** A segment of a call's recording; a call has one, unless its recording was interrupted. */
export interface Recording {
  id: number
  call_id: string
  host: string
  state: State
  /** Of a damaged one. */
  why: string | null
  started_at: string
  length_ms: number
  /** Missing of the talk. */
  gap_ms: number
  size: number
  sha256: string | null
  retain_until: string
  erased_at: string | null
  held_at: string | null
  held_by: string | null
  hold_reason: string | null
  /** The citizen's number, masked. */
  caller: string | null
  line: string | null
  /** Work numbers of those who answered, in order. */
  agents: string[]
  /** Those that came of the call. */
  tickets: string[]
}

/** The largest samples, 0 to 255, so many a second. */
export interface Peaks {
  a_second: number
  citizen: number[]
  others: number[]
}
