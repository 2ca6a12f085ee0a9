/** A line's numbers while they are written: their order, and what is wrong with them. */

import type { TargetNumber } from './types'

/** As `directory/models/lines.py` and `web/routes/targets.py` have them. */
export const RING_SECONDS = { least: 3, most: 120, usual: 20 } as const
export const MOST = 20
const USER = /^\+?\d{1,15}$/

/** A row that is written; `key` tells rows apart while they move. */
export interface Draft {
  key: number
  endpoint: string
  user: string
  ring: string
  schedule: string
}

let keys = 0

export function draft(one?: TargetNumber): Draft {
  keys += 1
  const { endpoint = '', user = '', ring_seconds = RING_SECONDS.usual, schedule = null } = one ?? {}
  return { key: keys, endpoint, user, ring: String(ring_seconds), schedule: schedule ?? '' }
}

export function written(drafts: readonly Draft[]): TargetNumber[] {
  return drafts.map(({ endpoint, user, ring, schedule }) => ({
    endpoint,
    user: user.trim(),
    ring_seconds: Number(ring),
    schedule: schedule || null,
  }))
}

/** Why a row cannot be saved; empty: it can. */
export function wrongWith(one: Draft, all: readonly Draft[]): string {
  if (!one.endpoint) return '请选择中继。'
  if (!USER.test(one.user.trim())) return '号码只能是 1 至 15 位数字，可以 + 开头。'
  const ring = Number(one.ring)
  if (!Number.isInteger(ring) || ring < RING_SECONDS.least || ring > RING_SECONDS.most) {
    return `振铃 ${RING_SECONDS.least} 至 ${RING_SECONDS.most} 秒。`
  }
  const same = all.filter((other) => other.endpoint === one.endpoint && other.user.trim() === one.user.trim() && other.schedule === one.schedule)
  return same.length > 1 && same[0] !== one ? '与前面的号码相同。' : ''
}

/** `all` with the one at `place` moved by `step`; the same where it cannot go. */
export function moved<T>(all: readonly T[], place: number, step: -1 | 1): T[] {
  const rows = [...all]
  const [one, other] = [rows[place], rows[place + step]]
  if (one === undefined || other === undefined) return rows
  rows[place] = other
  rows[place + step] = one
  return rows
}

/** Whether both are the same numbers in the same order. */
export function unchanged(before: readonly TargetNumber[], now: readonly TargetNumber[]): boolean {
  const text = (all: readonly TargetNumber[]): string => JSON.stringify(all.map((one) => [one.endpoint, one.user, one.ring_seconds, one.schedule]))
  return text(before) === text(now)
}

/** How long all of them ring one after the other, in seconds. */
export function ringing(numbers: readonly Pick<TargetNumber, 'ring_seconds'>[]): number {
  return numbers.reduce((sum, one) => sum + (Number.isFinite(one.ring_seconds) ? one.ring_seconds : 0), 0)
}
