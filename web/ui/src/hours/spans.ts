/** Opening hours as people write them, `08:30-12:00、14:00-18:00`, and as the line keeps them. */

/** Open from `opens` until before `closes`, minutes after midnight; 1440 is 24:00. */
export interface Span {
  opens: number
  closes: number
}

export interface WeekSpan extends Span {
  /** Monday 1. */
  weekday: number
}

export interface Reading {
  spans: Span[]
  /** Why the text cannot be read; empty when it can. */
  wrong: string
}

export const WEEKDAYS = [1, 2, 3, 4, 5, 6, 7] as const
const NAMES = ['周一', '周二', '周三', '周四', '周五', '周六', '周日']
const DAY = 24 * 60
/** As `web/routes/hours.py` takes them for a day. */
const MOST = 10
const SPAN = /^(\d{1,2}):([0-5]\d)-(\d{1,2}):([0-5]\d)$/

export function dayName(weekday: number): string {
  return NAMES[weekday - 1] ?? ''
}

function time(minutes: number): string {
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
}

/** `全天`, `08:30-12:00、14:00-18:00`; empty: closed. */
export function spansText(spans: readonly Span[]): string {
  const [first] = spans
  if (spans.length === 1 && first?.opens === 0 && first.closes === DAY) return '全天'
  return [...spans].sort((a, b) => a.opens - b.opens).map(({ opens, closes }) => `${time(opens)}-${time(closes)}`).join('、')
}

/** Reads what `spansText` writes, and the marks of a Chinese keyboard. */
export function readSpans(text: string): Reading {
  const refused = (wrong: string): Reading => ({ spans: [], wrong })
  const plain = text.trim().replaceAll('：', ':').replace(/\s*[-–—－~～至]+\s*/g, '-')
  if (plain === '全天') return { spans: [{ opens: 0, closes: DAY }], wrong: '' }
  const spans: Span[] = []
  for (const one of plain.split(/[、，,；;\s]+/).filter(Boolean)) {
    const found = SPAN.exec(one)
    if (!found) return refused('请写成 08:30-12:00、14:00-18:00')
    const [opens, closes] = [Number(found[1]) * 60 + Number(found[2]), Number(found[3]) * 60 + Number(found[4])]
    if (opens > DAY || closes > DAY) return refused('一天到 24:00 为止')
    if (opens >= closes) return refused('结束要晚于开始；跨零点的分在两天填，前一天到 24:00')
    spans.push({ opens, closes })
  }
  spans.sort((a, b) => a.opens - b.opens)
  if (spans.some((one, place) => place > 0 && one.opens < (spans[place - 1]?.closes ?? 0))) return refused('时段有重叠')
  return spans.length > MOST ? refused(`一天最多 ${MOST} 段`) : { spans, wrong: '' }
}

/** The spans of a weekday. */
export function spansOf(week: readonly WeekSpan[], weekday: number): Span[] {
  return week.filter((one) => one.weekday === weekday).map(({ opens, closes }) => ({ opens, closes }))
}

/** `周一至周五 08:30-18:00；周六 09:00-12:00`: days that follow each other with the same hours in one. */
export function weekText(week: readonly WeekSpan[]): string {
  const runs: { from: number; to: number; text: string }[] = []
  for (const weekday of WEEKDAYS) {
    const text = spansText(spansOf(week, weekday))
    const last = runs.at(-1)
    if (last?.text === text) last.to = weekday
    else runs.push({ from: weekday, to: weekday, text })
  }
  const open = runs.filter(({ text }) => text)
  if (!open.length) return '不受理'
  return open
    .map(({ from, to, text }) => {
      if (from === 1 && to === 7) return `每天 ${text}`
      return `${from === to ? dayName(from) : `${dayName(from)}至${dayName(to)}`} ${text}`
    })
    .join('；')
}
