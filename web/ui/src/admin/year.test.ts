import { expect, test } from 'vitest'

import { dayAfter, markOf, weekday, weeksOf } from './year'

test('days follow each other over ends of months, years and leap days', () => {
  expect(dayAfter('2026-12-31', 1)).toBe('2027-01-01')
  expect(dayAfter('2028-02-28', 1)).toBe('2028-02-29')
  expect(dayAfter('2026-03-01', -7)).toBe('2026-02-22')
})

test('a month begins on its weekday and ends in a whole week', () => {
  const weeks = weeksOf(2026, 11)
  expect(weekday('2026-11-01')).toBe(7)
  expect(weeks[0]).toEqual([null, null, null, null, null, null, '2026-11-01'])
  expect(weeks.at(-1)).toEqual(['2026-11-30', null, null, null, null, null, null])
  expect(weeks.flat().filter(Boolean)).toHaveLength(30)
})

test('a day is marked where it is not what its weekday says', () => {
  expect(markOf('2026-10-01', false)).toBe('休')
  expect(markOf('2026-10-10', true)).toBe('班')
  expect(markOf('2026-10-11', false)).toBe('')
  expect(markOf('2026-10-12', true)).toBe('')
  expect(markOf('2028-10-01', null)).toBe('?')
})
