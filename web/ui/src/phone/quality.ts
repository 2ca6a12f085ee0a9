/** How good the sound is, from what WebRTC counts: loss, jitter, delay, and one word for them.
 *
 * The score is the R value of the E-model (ITU-T G.107) with its usual simplification for delay and loss, turned into a
 * mean opinion score of 1 to 4.5.
 */

export interface Counted {
  /** Milliseconds, of one clock. */
  at: number
  received: number
  lost: number
  /** Seconds. */
  jitter: number
  /** Seconds there and back; null: not told yet. */
  roundTrip: number | null
}

export interface Quality {
  lossPercent: number
  jitterMs: number
  delayMs: number
  score: number
  word: '优' | '良' | '差'
  /** Nothing has been heard since the last look. */
  silent: boolean
}

const DECODING_MS = 20

export function quality(before: Counted, now: Counted): Quality {
  const received = Math.max(0, now.received - before.received)
  const lost = Math.max(0, now.lost - before.lost)
  const sent = received + lost
  const lossPercent = sent === 0 ? 0 : (100 * lost) / sent
  const jitterMs = now.jitter * 1000
  const delayMs = (now.roundTrip ?? 0) * 500 + jitterMs * 2 + DECODING_MS
  const r = 93.2 - delayMs / 40 - (delayMs > 160 ? (delayMs - 120) / 10 : 0) - 2.5 * lossPercent
  const bounded = Math.min(100, Math.max(0, r))
  const score = 1 + 0.035 * bounded + 7e-6 * bounded * (bounded - 60) * (100 - bounded)
  const silent = received === 0
  const word = silent || score < 3.6 ? '差' : score < 4.0 ? '良' : '优'
  return { lossPercent, jitterMs, delayMs, score, word, silent }
}

/** What matters of a report of `getStats()`; null: no sound comes in (yet). */
export function counted(report: Iterable<[string, Record<string, unknown>]>, at: number): Counted | null {
  let inbound: Record<string, unknown> | null = null
  let roundTrip: number | null = null
  for (const [, one] of report) {
    if (one.type === 'inbound-rtp' && one.kind === 'audio') inbound = one
    if (one.type === 'candidate-pair' && one.nominated === true && typeof one.currentRoundTripTime === 'number')
      roundTrip = one.currentRoundTripTime
  }
  if (inbound === null) return null
  const figure = (name: string): number => (typeof inbound?.[name] === 'number' ? (inbound[name] as number) : 0)
  return { at, received: figure('packetsReceived'), lost: figure('packetsLost'), jitter: figure('jitter'), roundTrip }
}
