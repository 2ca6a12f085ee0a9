/** Reports that are made and published (通报、考核、总评): what the line answers, in words (`ticketing/reports`). */

import { addProblemWords } from '@/parts/problemWords'
import { date } from '@/parts/time'
import type { Choices } from '@/tickets/words'

export interface Report {
  id: number
  kind: string
  period: string
  state: string
  stage: string
  steps_done: number
  steps: number
  asked_by: string
  asked_at: string
  counted_at: string | null
  finished_at: string | null
  error: string | null
}

export interface Publication {
  id: number
  kind: string
  period: string
  revision: number
  reason: string
  published_by: string
  published_at: string
  sha256: string
  document_sha256: string
  workbook_sha256: string
}

export interface Difference {
  unit: string
  figure: string
  before: number | null
  after: number | null
}

export interface Revision extends Publication {
  changes: Difference[]
}

export interface Defined {
  name: string
  term: string
  measure: string
}

export interface Reading {
  name: string
  value: number | null
  before: number | null
  a_year_before: number | null
}

/** With what of its content is shown here; the documents have all of it. */
export interface WholePublication extends Publication {
  intact: boolean
  content: { period_term: string; counted_at: string; definitions: Defined[]; line: Reading[]; tickets: Reading[]; method: { number: number; title: string } }
}

export interface ScoredItem {
  figure: string
  weight: number
  full: number
  none: number
}

export interface Method {
  title: string
  items: ScoredItem[]
  deductions: { figure: string; points: number; most: number }[]
  grades: { points: number; term: string }[]
  least_cases: number
}

export interface MethodVersion {
  number: number
  first_day: string
  method: Method
}

export const KINDS: Choices = [
  ['bulletin', '通报'],
  ['assessment', '半年考核'],
  ['evaluation', '年终总评'],
]

export const REPORT_STATES: Readonly<Record<string, { tone: 'good' | 'wait' | 'bad' | 'off'; text: string }>> = {
  queued: { tone: 'off', text: '待生成' },
  running: { tone: 'wait', text: '生成中' },
  done: { tone: 'good', text: '已生成' },
  failed: { tone: 'bad', text: '生成失败' },
}

/** Whether a report is still to be made. */
export function unmade(report: Report): boolean {
  return report.state === 'queued' || report.state === 'running'
}

const HALVES = ['上半年', '下半年']

interface Parts {
  year: number
  /** How many months the period has, and the place of its first one, from 0 on. */
  months: number
  first: number
}

function partsOf(period: string): Parts | null {
  const found = /^(\d{4})(?:-(?:Q([1-4])|H([12])|(0[1-9]|1[0-2])))?$/.exec(period)
  if (!found) return null
  const year = Number(found[1])
  if (found[2]) return { year, months: 3, first: (Number(found[2]) - 1) * 3 }
  if (found[3]) return { year, months: 6, first: (Number(found[3]) - 1) * 6 }
  return found[4] ? { year, months: 1, first: Number(found[4]) - 1 } : { year, months: 12, first: 0 }
}

/** `2026-Q4`: `2026年第4季度`. */
export function periodTerm(period: string): string {
  const parts = partsOf(period)
  if (!parts) return period
  const { year, months, first } = parts
  if (months === 12) return `${year}年`
  if (months === 6) return `${year}年${HALVES[first / 6]}`
  return months === 3 ? `${year}年第${first / 3 + 1}季度` : `${year}年${first + 1}月`
}

/** Whether a period was over at a moment, in the city's time. */
export function isOver(period: string, at: string | number): boolean {
  const parts = partsOf(period)
  if (!parts) return false
  const next = parts.first + parts.months
  const end = `${parts.year + Math.floor(next / 12)}-${String((next % 12) + 1).padStart(2, '0')}-01`
  return date(at) >= end
}

function back(kind: string, step: number, count: number, today: string): string[] {
  const month = Number(today.slice(0, 4)) * 12 + Number(today.slice(5, 7)) - 1
  return Array.from({ length: count }, (_, place) => {
    const begins = Math.floor(month / step) * step - place * step
    const year = Math.floor(begins / 12)
    const part = (begins % 12) / step + 1
    if (kind === 'year') return String(year)
    return `${year}-${kind === 'month' ? String(part).padStart(2, '0') : `${kind}${part}`}`
  })
}

/** The periods that a kind of report is of, the newest first; the first one of each length has not ended. */
export function periodsFor(kind: string, today: string): string[] {
  if (kind === 'assessment') return back('H', 6, 5, today)
  if (kind === 'evaluation') return back('year', 12, 4, today)
  return [...back('month', 1, 13, today), ...back('Q', 3, 5, today)]
}

/** A figure's value, by its measure. */
export function figureText(value: number | null, measure: string | undefined): string {
  if (value === null) return '—'
  if (measure === 'ratio') return `${(value * 100).toFixed(2)}%`
  if (measure === 'milliseconds') return `${(value / 1000).toFixed(1)} 秒`
  return measure === 'count' ? String(value) : value.toFixed(2)
}

/** A changed figure in words; what is no figure is a unit's score. */
export function changeText(change: Difference, definitions: ReadonlyMap<string, Defined>): { term: string; before: string; after: string } {
  const known = definitions.get(change.figure)
  const term = known?.term ?? (change.figure === 'points' ? '得分' : change.figure)
  return { term, before: figureText(change.before, known?.measure), after: figureText(change.after, known?.measure) }
}

/** The number of the version that a period beginning on `day` is scored by. */
export function inForce(versions: readonly MethodVersion[], day: string): number {
  const begun = versions.filter((one) => one.number === 0 || one.first_day <= day)
  const order = (one: MethodVersion): string => (one.number ? one.first_day : '')
  return begun.sort((a, b) => order(a).localeCompare(order(b)) || a.number - b.number).at(-1)?.number ?? 0
}

/** A version of the method; the one with number 0 is there before the city lays down its own. */
export function versionName(number: number): string {
  return number ? `第 ${number} 版` : '原有办法'
}

/** `2026-12-31`: `2027-01-01`. */
export function dayAfter(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10)
}

type Typed = number | string

/** A method as a form has it: numbers as they are typed, rates in percent. */
export interface MethodSheet {
  title: string
  items: { figure: string; weight: Typed; full: Typed; none: Typed }[]
  deductions: { figure: string; points: Typed; most: Typed }[]
  grades: { points: Typed; term: string }[]
  least_cases: Typed
}

function round(value: number): number {
  return Number(value.toFixed(6))
}

export function asSheet(method: Method): MethodSheet {
  return {
    title: method.title,
    items: method.items.map((one) => ({ ...one, full: round(one.full * 100), none: round(one.none * 100) })),
    deductions: method.deductions.map((one) => ({ ...one })),
    grades: method.grades.map((one) => ({ ...one })),
    least_cases: method.least_cases,
  }
}

export function asMethod(sheet: MethodSheet): Method {
  return {
    title: sheet.title.trim(),
    items: sheet.items.map(({ figure, weight, full, none }) => ({ figure, weight: Number(weight), full: round(Number(full) / 100), none: round(Number(none) / 100) })),
    deductions: sheet.deductions.map(({ figure, points, most }) => ({ figure, points: Number(points), most: Number(most) })),
    grades: sheet.grades.map(({ points, term }) => ({ points: Number(points), term: term.trim() })),
    least_cases: Number(sheet.least_cases),
  }
}

function within(value: Typed, least: number, most: number): boolean {
  return value !== '' && Number(value) >= least && Number(value) <= most
}

function twice(rows: readonly { figure: string }[]): boolean {
  return new Set(rows.map((one) => one.figure)).size < rows.length
}

/** What keeps a method from being one; empty: nothing (`ticketing/reports/methods.py`). */
export function methodWrong({ title, items, deductions, grades, least_cases }: MethodSheet): string {
  if (!title.trim()) return '请填写名称'
  if (!within(least_cases, 1, 10_000) || !Number.isInteger(Number(least_cases))) return '不排名的件数是 1 至 10000 的整数'
  if (items.length === 0) return '至少要有一个得分项'
  if (items.some((one) => !within(one.weight, 1, 100) || !Number.isInteger(Number(one.weight)))) return '分值是 1 至 100 的整数'
  if (items.reduce((sum, one) => sum + Number(one.weight), 0) !== 100) return '分值合计应为 100'
  if (items.some((one) => !within(one.full, 0, 1000) || !within(one.none, 0, 1000))) return '满分线和零分线在 0 至 1000% 之间'
  if (items.some((one) => Number(one.full) === Number(one.none))) return '满分线和零分线不能相同'
  if (deductions.some((one) => !within(one.points, 0.01, 100) || !within(one.most, 0.01, 100))) return '扣分在 0.01 至 100 之间'
  if (twice(items) || twice(deductions)) return '同一指标不能出现两次'
  if (grades.length === 0 || grades.some((one) => !one.term.trim() || !within(one.points, 0, 100))) return '每个等次要有名称和 0 至 100 的分数'
  return Math.min(...grades.map((one) => Number(one.points))) > 0 ? '最低的等次要从 0 分起' : ''
}

const ERRORS: Readonly<Record<string, string>> = {
  'reports.gave_up': '多次生成都没有完成',
  'part.unavailable': '系统的一个部件没有响应',
}

/** Why a report could not be made. */
export function errorText(code: string | null): string {
  return ERRORS[code ?? ''] ?? '生成时出错，请重新生成；仍然失败请联系值班技术人员'
}

export function installWords(): void {
  addProblemWords({
    'reports.not_found': { what: '没有这份报告。', next: '请刷新列表后重试。' },
    'reports.not_published': { what: '没有这份已发布的报告。', next: '请刷新列表后重试。' },
    'reports.wrong_period': { what: '这种报告没有这样的期间。', next: '请重新选择期间。' },
    'reports.not_made': { what: '报告还没有生成，或没有生成出来。', next: '请等生成完成，或重新生成。' },
    'reports.period_not_over': { what: '统计时这个期间还没有结束，只能作草稿。', next: '请在期间结束后重新生成，再发布。' },
    'reports.published_already': { what: '这一份已经发布过了。', next: '如要更正，请重新生成一份再发布。' },
    'reports.reason_missing': { what: '这个期间已有发布，更正要写明理由。', next: '请填写更正理由后再发布。' },
    'reports.reason_unexpected': { what: '这个期间还没有发布过，不需要更正理由。', next: '请直接发布。' },
    'reports.method_too_late': { what: '考核办法只能从以后的日期起执行。', next: '请填写明天或更晚的日期。' },
  })
}
