/** History as a chart and a table show it: subjects of one interval together, rates from the sums. */

import type { HistoryRow } from './types'

export interface Interval {
  startsAt: string
  offered: number
  answered: number
  abandoned: number
  /** Null: nothing to measure. */
  connection: number | null
  promptness: number | null
}

function ratio(part: number, of: number): number | null {
  return of > 0 ? part / of : null
}

/** Oldest first, one for each moment that has rows. */
export function intervals(rows: readonly HistoryRow[]): Interval[] {
  const sums = new Map<string, Record<string, number>>()
  for (const { starts_at, counts } of rows) {
    const sum = sums.get(starts_at) ?? {}
    for (const [name, value] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + value
    sums.set(starts_at, sum)
  }
  return [...sums]
    .sort(([a], [b]) => new Date(a).getTime() - new Date(b).getTime())
    .map(([startsAt, sum]) => {
      const of = (name: string): number => sum[name] ?? 0
      return {
        startsAt,
        offered: of('offered'),
        answered: of('answered'),
        abandoned: of('abandoned') + of('short_abandoned'),
        connection: ratio(of('answered'), of('offered')),
        promptness: ratio(of('answered_promptly'), of('answered')),
      }
    })
}

/** A number at or above `most` that divides an axis well. */
export function ceiling(most: number): number {
  if (most <= 4) return 4
  const power = 10 ** Math.floor(Math.log10(most))
  return [1, 2, 4, 5, 10].map((step) => step * power).find((top) => top >= most) ?? most
}

/** The city's day as a period of the interface. */
export function dayOf(day: string): { from: string; to: string } {
  const start = new Date(`${day}T00:00:00+08:00`)
  return { from: start.toISOString(), to: new Date(start.getTime() + 86_400_000).toISOString() }
}
