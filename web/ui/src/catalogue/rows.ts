/** What the rows of the dispatch catalogue (派单目录) are worth on a day. Pure. */

import type { CatalogueRow, Unit } from '@/desk/types'

/** A row with what only those who keep the catalogue need. */
export interface Entry extends CatalogueRow {
  note: string
  made_by: string
  made_at: string
}

export type Standing = 'in_force' | 'coming' | 'ended' | 'replaced'

export const STANDINGS: Readonly<Record<Standing, { text: string; tone: 'good' | 'wait' | 'off' }>> = {
  in_force: { text: '生效中', tone: 'good' },
  coming: { text: '待生效', tone: 'wait' },
  ended: { text: '已失效', tone: 'off' },
  replaced: { text: '已被取代', tone: 'off' },
}

/**
 * How each row stands on `day`, by id: of one category and area the newest that has begun counts, and it alone
 * (`ticketing/catalogue/tables.py`).
 */
export function standings(rows: readonly CatalogueRow[], day: string): Map<number, Standing> {
  const newest = new Map<string, string>()
  const key = (row: CatalogueRow): string => `${row.category_code} ${row.area_code}`
  for (const row of rows) {
    if (row.from_day <= day && row.from_day > (newest.get(key(row)) ?? '')) newest.set(key(row), row.from_day)
  }
  return new Map(
    rows.map((row) => {
      if (row.from_day > day) return [row.id, 'coming']
      if (row.from_day !== newest.get(key(row))) return [row.id, 'replaced']
      return [row.id, row.until_day !== null && row.until_day < day ? 'ended' : 'in_force']
    }),
  )
}

export interface Node<T> {
  one: T
  depth: number
}

/** A tree as lines, each below the one above it; whose parent is not there, or lies in a circle, stands at the top. */
export function lines<T>(
  all: readonly T[],
  id: (one: T) => string | number,
  parent: (one: T) => string | number | null,
  name: (one: T) => string,
): Node<T>[] {
  const sorted = [...all].sort((a, b) => name(a).localeCompare(name(b), 'zh-CN'))
  const known = new Set(all.map(id))
  const below = new Map<string | number, T[]>()
  for (const one of sorted) {
    const above = parent(one)
    if (above !== null && known.has(above)) below.set(above, [...(below.get(above) ?? []), one])
  }
  const found: Node<T>[] = []
  const seen = new Set<string | number>()
  function add(one: T, depth: number): void {
    if (seen.has(id(one))) return
    seen.add(id(one))
    found.push({ one, depth })
    for (const child of below.get(id(one)) ?? []) add(child, depth + 1)
  }
  for (const one of sorted) {
    const above = parent(one)
    if (above === null || !known.has(above)) add(one, 0)
  }
  for (const one of sorted) add(one, 0)
  return found
}

/** The units as a tree. */
export function unitLines(units: readonly Unit[]): Node<Unit>[] {
  return lines(
    units,
    (one) => one.id,
    (one) => one.parent_id,
    (one) => one.name,
  )
}
