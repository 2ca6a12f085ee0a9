/** Answers of `web/routes/targets.py` on a line's numbers. */

/** A number to try: what is dialled on which trunk, for how long, in which hours (none: always). */
export interface TargetNumber {
  endpoint: string
  user: string
  ring_seconds: number
  schedule: string | null
}
