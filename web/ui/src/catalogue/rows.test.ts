import { describe, expect, it } from 'vitest'

import type { CatalogueRow } from '@/desk/types'

import { lines, standings, unitLines } from './rows'

const row = (id: number, from_day: string, until_day: string | null = null, area_code = ''): CatalogueRow => ({
  id,
  category_code: 'lamps',
  area_code,
  lead_unit_id: 1,
  assisting_unit_ids: [],
  from_day,
  until_day,
})

describe('the rows of a catalogue', () => {
  it('count by the newest that has begun, area by area', () => {
    const rows = [row(1, '2026-01-01'), row(2, '2026-03-01', '2026-03-31'), row(3, '2026-06-01'), row(4, '2026-01-01', null, '411202')]
    const on = (day: string): unknown[] => [...standings(rows, day).values()]
    expect(on('2026-02-01')).toEqual(['in_force', 'coming', 'coming', 'in_force'])
    expect(on('2026-03-31')).toEqual(['replaced', 'in_force', 'coming', 'in_force'])
    expect(on('2026-04-01')).toEqual(['replaced', 'ended', 'coming', 'in_force'])
    expect(on('2026-06-01')).toEqual(['replaced', 'replaced', 'in_force', 'in_force'])
  })
})

describe('a tree', () => {
  it('stands below its parents, and what is in a circle or below nobody stands at the top', () => {
    const unit = (id: number, parent_id: number | null): { id: number; name: string; level: string; parent_id: number | null } => ({ id, name: `u${id}`, level: 'city', parent_id })
    const found = unitLines([unit(3, 2), unit(2, 1), unit(1, null), unit(4, 99), unit(5, 6), unit(6, 5)])
    expect(found.map(({ one, depth }) => [one.id, depth])).toEqual([
      [1, 0],
      [2, 1],
      [3, 2],
      [4, 0],
      [5, 0],
      [6, 1],
    ])
    expect(lines([], String, () => null, String)).toEqual([])
  })
})
