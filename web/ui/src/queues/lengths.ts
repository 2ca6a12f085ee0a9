/** Lengths of time as administrators type and read them; the line keeps milliseconds. */

export const SECOND = 1000
export const MINUTE = 60 * SECOND
/** As `web/routes/queues.py` takes them. */
export const LONGEST = 24 * 60 * MINUTE

/** The unit that a length is offered in: minutes where it is whole ones. */
export function unitOf(ms: number | null): number {
  return ms !== null && ms > 0 && ms % MINUTE === 0 ? MINUTE : SECOND
}

/** `15 秒`, `5 分钟`, `1 分 30 秒`: exactly. */
export function lengthWords(ms: number): string {
  const minutes = Math.floor(ms / MINUTE)
  const seconds = (ms % MINUTE) / SECOND
  if (minutes === 0) return `${seconds} 秒`
  return seconds ? `${minutes} 分 ${seconds} 秒` : `${minutes} 分钟`
}
