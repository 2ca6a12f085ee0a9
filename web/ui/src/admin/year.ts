/** A year of days as a calendar shows it. Days are texts (`2026-10-01`), in no time zone. */

const DAY_MS = 86_400_000

export function dayAfter(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10)
}

/** Monday 1 to Sunday 7. */
export function weekday(day: string): number {
  return new Date(`${day}T00:00:00Z`).getUTCDay() || 7
}

/** The weeks of a month, Monday first; null where the week has days of another month. */
export function weeksOf(year: number, month: number): (string | null)[][] {
  const first = `${year}-${String(month).padStart(2, '0')}-01`
  const cells: (string | null)[] = Array.from({ length: weekday(first) - 1 }, () => null)
  for (let day = first; day.startsWith(first.slice(0, 7)); day = dayAfter(day, 1)) cells.push(day)
  while (cells.length % 7) cells.push(null)
  return Array.from({ length: cells.length / 7 }, (_, week) => cells.slice(week * 7, week * 7 + 7))
}

/** What is exceptional of a day, in one character: off on a weekday, worked on a weekend, laid down by nobody. */
export function markOf(day: string, worked: boolean | null): '' | '休' | '班' | '?' {
  if (worked === null) return '?'
  const weekend = weekday(day) > 5
  if (worked) return weekend ? '班' : ''
  return weekend ? '' : '休'
}
