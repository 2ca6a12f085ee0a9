import { expect, test } from 'vitest'

import { readSpans, spansText, weekText, type WeekSpan } from './spans'

const MORNING = { opens: 510, closes: 720 }
const AFTERNOON = { opens: 840, closes: 1080 }

test('hours are written and read back', () => {
  const text = spansText([AFTERNOON, MORNING])
  expect(text).toBe('08:30-12:00、14:00-18:00')
  expect(readSpans(text)).toEqual({ spans: [MORNING, AFTERNOON], wrong: '' })
  expect(readSpans(spansText([{ opens: 0, closes: 1440 }])).spans).toEqual([{ opens: 0, closes: 1440 }])
  expect(readSpans(' ')).toEqual({ spans: [], wrong: '' })
})

test('the marks of a Chinese keyboard are taken', () => {
  expect(readSpans('14：00 — 18：00，8:30至12:00').spans).toEqual([MORNING, AFTERNOON])
})

test.each([
  ['八点到十点', '请写成'],
  ['08:30', '请写成'],
  ['08:60-09:00', '请写成'],
  ['22:00-24:01', '24:00'],
  ['22:00-06:00', '跨零点'],
  ['08:00-08:00', '晚于'],
  ['08:00-10:00、09:59-11:00', '重叠'],
  [Array.from({ length: 11 }, (_, hour) => `${hour}:00-${hour}:30`).join(','), '10 段'],
])('%s is refused', (text, why) => {
  expect(readSpans(text).wrong).toContain(why)
})

test('a week is told in runs of days', () => {
  const on = (days: number[], ...spans: (typeof MORNING)[]): WeekSpan[] => days.flatMap((weekday) => spans.map((one) => ({ weekday, ...one })))
  expect(weekText([...on([1, 2, 3, 4, 5], MORNING, AFTERNOON), ...on([7], MORNING)])).toBe(
    '周一至周五 08:30-12:00、14:00-18:00；周日 08:30-12:00',
  )
  expect(weekText(on([1, 2, 3, 4, 5, 6, 7], { opens: 0, closes: 1440 }))).toBe('每天 全天')
  expect(weekText([])).toBe('不受理')
})
