import { describe, expect, it } from 'vitest'

import { lineage, paths, suggested } from './catalogue'
import type { CatalogueRow, Category, Unit } from './types'

const CATEGORIES: Category[] = [
  { code: '01', parent_code: null, name: '城乡建设', active: true },
  { code: '0101', parent_code: '01', name: '道路', active: true },
  { code: '010101', parent_code: '0101', name: '路灯', active: true },
  { code: '0199', parent_code: '01', name: '旧类', active: false },
]
const UNITS: Unit[] = [
  { id: 1, name: '市住建局', level: 'city', parent_id: null },
  { id: 2, name: '湖滨区政府', level: 'county', parent_id: null },
]

function row(category: string, area: string, lead: number, more: Partial<CatalogueRow> = {}): CatalogueRow {
  return {
    id: lead,
    category_code: category,
    area_code: area,
    lead_unit_id: lead,
    assisting_unit_ids: [],
    from_day: '2026-01-01',
    until_day: null,
    ...more,
  }
}

const ROWS = [row('0101', '', 1), row('0101', '411202', 2, { assisting_unit_ids: [1] })]
const wanted = (category: string, area: string, day = '2026-11-22') => ({ category, area, day })

describe('the catalogue', () => {
  it('names a category with what is above it, without retired ones', () => {
    expect(paths(CATEGORIES).map((one) => one.path)).toEqual(['城乡建设', '城乡建设 / 道路', '城乡建设 / 道路 / 路灯'])
    expect(paths(CATEGORIES).map((one) => one.leaf)).toEqual([false, false, true])
  })

  it('suggests the unit of the nearest row', () => {
    expect(suggested(ROWS, CATEGORIES, UNITS, wanted('0101', '411202'))).toEqual({
      lead: '湖滨区政府',
      assisting: ['市住建局'],
      exact: true,
    })
    expect(suggested(ROWS, CATEGORIES, UNITS, wanted('010101', '411202001001'))?.lead).toBe('湖滨区政府')
    expect(suggested(ROWS, CATEGORIES, UNITS, wanted('010101', '411203'))).toMatchObject({ lead: '市住建局', exact: false })
    expect(suggested(ROWS, CATEGORIES, UNITS, wanted('', ''))).toBeNull()
  })

  it('takes rows that are in force alone', () => {
    expect(suggested([row('01', '', 1, { until_day: '2026-06-01' })], CATEGORIES, UNITS, wanted('01', ''))).toBeNull()
    expect(suggested([row('01', '', 1, { from_day: '2027-01-01' })], CATEGORIES, UNITS, wanted('01', ''))).toBeNull()
  })

  it('does not turn in circles', () => {
    const circle: Category[] = [
      { code: 'a', parent_code: 'b', name: '甲', active: true },
      { code: 'b', parent_code: 'a', name: '乙', active: true },
    ]
    expect(paths(circle)).toHaveLength(2)
    expect(lineage(circle, 'a')).toEqual(['a', 'b'])
    expect(suggested([], circle, UNITS, wanted('a', ''))).toBeNull()
  })
})
