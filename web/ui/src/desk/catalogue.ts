/** Categories, areas and whom a demand is for (派单目录), as the form needs them. Pure but for `reference`. */

import { api } from '@/api/client'

import type { Area, CatalogueRow, Category, Unit } from './types'

export interface Reference {
  categories: Category[]
  units: Unit[]
  areas: Area[]
}

let read: Promise<Reference> | null = null

/** What hardly ever changes, read once a page. */
export function reference(): Promise<Reference> {
  read ??= Promise.all([
    api.get<Category[]>('/api/catalogue/categories'),
    api.get<Unit[]>('/api/directory/units'),
    api.get<Area[]>('/api/directory/areas'),
  ])
    .then(([categories, units, areas]) => ({ categories: categories.data, units: units.data, areas: areas.data }))
    .catch((error: unknown) => {
      read = null
      throw error
    })
  return read
}

/** Somebody changed it here: whoever asks next reads it anew. */
export function renewReference(): void {
  read = null
}

export interface Path {
  code: string
  /** `城乡建设 / 道路 / 路灯`. */
  path: string
  leaf: boolean
}

/** Every category in use with the names above it, in the order of the tree. */
export function paths(categories: readonly Category[]): Path[] {
  const by = new Map(categories.map((one) => [one.code, one]))
  const parents = new Set(categories.filter((one) => one.active).map((one) => one.parent_code))
  function name(one: Category, seen: ReadonlySet<string> = new Set()): string {
    const parent = one.parent_code === null || seen.has(one.code) ? undefined : by.get(one.parent_code)
    return parent === undefined ? one.name : `${name(parent, new Set([...seen, one.code]))} / ${one.name}`
  }
  return categories
    .filter((one) => one.active)
    .map((one) => ({ code: one.code, path: name(one), leaf: !parents.has(one.code) }))
    .sort((a, b) => a.code.localeCompare(b.code))
}

export interface Suggested {
  lead: string
  assisting: string[]
  /** How the row was found: for this very category and area, or for one above. */
  exact: boolean
}

/** Areas that hold `area`, the nearest first: the village, the county, the city, everywhere. */
function areasOf(area: string): string[] {
  const found = area === '' ? [] : [area]
  if (area.length === 12) found.push(area.slice(0, 6))
  if (area.length >= 6) found.push(`${area.slice(0, 4)}00`)
  return [...new Set([...found, ''])]
}

/** The unit of the row nearest to a category and area that is in force on `day`; null: nobody is in the catalogue. */
export function suggested(
  rows: readonly CatalogueRow[],
  categories: readonly Category[],
  units: readonly Unit[],
  wanted: { category: string; area: string; day: string },
): Suggested | null {
  const parent = new Map(categories.map((one) => [one.code, one.parent_code]))
  const named = (id: number): string => units.find((one) => one.id === id)?.name ?? `单位 ${id}`
  const inForce = rows.filter(
    (row) => row.from_day <= wanted.day && (row.until_day === null || wanted.day < row.until_day),
  )
  const seen = new Set<string>()
  for (let code: string | null = wanted.category; code !== null && !seen.has(code); code = parent.get(code) ?? null) {
    seen.add(code)
    for (const area of areasOf(wanted.area)) {
      const row = inForce.find((one) => one.category_code === code && one.area_code === area)
      if (row !== undefined)
        return {
          lead: named(row.lead_unit_id),
          assisting: row.assisting_unit_ids.map(named),
          exact: code === wanted.category && area === wanted.area,
        }
    }
  }
  return null
}

/** The categories from `code` to the root. */
export function lineage(categories: readonly Category[], code: string): string[] {
  const parent = new Map(categories.map((one) => [one.code, one.parent_code]))
  const found: string[] = []
  for (let at: string | null = code; at !== null && at !== '' && !found.includes(at); at = parent.get(at) ?? null) found.push(at)
  return found
}
