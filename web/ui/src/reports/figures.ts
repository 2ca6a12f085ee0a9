/** Figures of tickets as the reports page shows them: one line of values by period for each figure or subject. */

import type { Query } from '@/api/client'

export interface Value {
  value: number | null
  over: number
  under: number
  excluded: number
}

export interface Definition {
  name: string
  term: string
  formula: string
  moment: string
  measure: 'ratio' | 'count'
  better: string
  source: string
}

export interface Row {
  subject: string
  period: string
  first: string
  figures: Record<string, Value>
}

export interface Figures {
  by: string | null
  counted_at: string
  definitions: Definition[]
  rows: Row[]
  total: Record<string, Value>
}

export interface Case {
  ticket: string | null
  unit_id: number | null
  at: string
  over: number
  under: number
  why: string | null
  why_term: string | null
}

export type Dimension = '' | 'unit' | 'category' | 'area' | 'source' | 'county'

export interface Asked {
  from: string
  to: string
  step: string
  by: Dimension
  unit: string
}

export const STEPS: readonly [string, string][] = [
  ['day', '日'],
  ['week', '周'],
  ['month', '月'],
  ['quarter', '季度'],
  ['half_year', '半年'],
  ['year', '年'],
]

export const DIMENSIONS: readonly [Dimension, string][] = [
  ['', '不分'],
  ['unit', '承办单位'],
  ['county', '县（市、区）'],
  ['category', '事项分类'],
  ['area', '区域'],
  ['source', '诉求来源'],
]

/** One line of the table: a figure, or a subject of one. */
export interface Line {
  key: string
  figure: string
  /** As the interface has it: empty for no subject, and for what nobody knows. */
  subject: string
  values: (Value | null)[]
}

/** What the line is asked. */
export function queryOf({ from, to, step, by, unit }: Asked): Query {
  return { from, to, step, by, unit }
}

/** The periods of an answer, the oldest first. */
export function periodsOf(rows: readonly Row[]): string[] {
  return [...new Map(rows.map((row) => [row.period, row.first]))].sort(([, a], [, b]) => a.localeCompare(b)).map(([period]) => period)
}

/** Every figure by period; told apart by something: every subject of `figure`. */
export function linesOf(answer: Figures, figure: string): Line[] {
  const periods = periodsOf(answer.rows)
  const found = new Map(answer.rows.map((row) => [`${row.subject}\n${row.period}`, row.figures]))
  const line = (name: string, subject: string): Line => ({
    key: answer.by ? `of ${subject}` : name,
    figure: name,
    subject,
    values: periods.map((period) => found.get(`${subject}\n${period}`)?.[name] ?? null),
  })
  if (!answer.by) return answer.definitions.map(({ name }) => line(name, ''))
  return [...new Set(answer.rows.map((row) => row.subject))].map((subject) => line(figure, subject))
}

/** `93.4%` or `128`; `—` where there was nothing to measure. */
export function shown(value: Value | null, measure: Definition['measure']): string {
  if (value === null || value.value === null) return '—'
  return measure === 'ratio' ? `${(value.value * 100).toFixed(1)}%` : String(value.over)
}

/** How a list of cases is narrowed to one subject; null: it cannot be, since nobody knows it. */
export function narrowed({ by, unit }: Asked, subject: string): Query | null {
  if (by === '') return { unit }
  if (subject === '') return null
  return by === 'county' ? { unit: subject, below: true } : { unit, [by]: subject }
}
