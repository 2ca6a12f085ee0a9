import { describe, expect, it } from 'vitest'

import { linesOf, narrowed, periodsOf, shown, type Asked, type Figures, type Value } from './figures'

const value = (over: number, under: number): Value => ({ value: under ? over / under : null, over, under, excluded: 0 })
const definition = { formula: '', moment: '', better: 'higher', source: '' }

const BY_UNIT: Figures = {
  by: 'unit',
  counted_at: '',
  definitions: [{ ...definition, name: 'return_rate', term: '退单率', measure: 'ratio' }],
  rows: [
    { subject: '2', period: '2026-11', first: '2026-10-31T16:00:00Z', figures: { return_rate: value(1, 4) } },
    { subject: '1', period: '2026-10', first: '2026-09-30T16:00:00Z', figures: { return_rate: value(0, 2) } },
    { subject: '1', period: '2026-11', first: '2026-10-31T16:00:00Z', figures: { return_rate: value(0, 0) } },
  ],
  total: {},
}

describe('figures by period', () => {
  it('have a column for each period in order, and a gap where a subject had nothing', () => {
    expect(periodsOf(BY_UNIT.rows)).toEqual(['2026-10', '2026-11'])
    const lines = linesOf(BY_UNIT, 'return_rate').map((line) => [line.subject, line.values.map((one) => shown(one, 'ratio'))])
    expect(lines).toEqual([
      ['2', ['—', '25.0%']],
      ['1', ['0.0%', '—']],
    ])
  })

  it('are a line each where nothing tells them apart', () => {
    const whole: Figures = {
      ...BY_UNIT,
      by: null,
      definitions: [...BY_UNIT.definitions, { ...definition, name: 'registered', term: '受理登记量', measure: 'count' }],
      rows: [{ subject: '', period: '2026-11', first: '', figures: { return_rate: value(1, 4), registered: { ...value(7, 0), value: 7 } } }],
    }
    expect(linesOf(whole, 'return_rate').map((line) => [line.key, shown(line.values[0] ?? null, line.figure === 'registered' ? 'count' : 'ratio')])).toEqual([
      ['return_rate', '25.0%'],
      ['registered', '7'],
    ])
  })
})

describe('the cases of a value', () => {
  const asked: Asked = { from: '', to: '', step: 'month', by: 'unit', unit: '' }
  it('are narrowed to its subject, of a county to the units below it, and of nobody not at all', () => {
    expect(narrowed(asked, '7')).toEqual({ unit: '7' })
    expect(narrowed({ ...asked, by: 'county' }, '7')).toEqual({ unit: '7', below: true })
    expect(narrowed({ ...asked, by: 'source', unit: '3' }, 'phone')).toEqual({ unit: '3', source: 'phone' })
    expect(narrowed({ ...asked, by: '', unit: '3' }, '')).toEqual({ unit: '3' })
    expect(narrowed(asked, '')).toBeNull()
  })
})
