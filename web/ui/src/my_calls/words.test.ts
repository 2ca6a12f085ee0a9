import { expect, test } from 'vitest'

import type { Sums } from './types'
import { owedWords, sumWords, talked } from './words'

const SUMS: Sums = {
  agent: '1001', day: '2026-11-20', offers: 3, taken: 2, talk_ms: 80_000, mean_wrap_up_ms: 15_000, rated: 3, satisfaction: 2 / 3, callbacks_owed: 1,
}

test('a day is summed up', () => {
  expect(Object.fromEntries(sumWords(SUMS))).toEqual({
    接听: '2 个',
    通话时长: '1 分钟',
    平均话后整理: '15 秒',
    满意率: '66.7%（3 个评价）',
    待回拨: '1 个',
  })
})

test('what was not measured is a dash and not a nought', () => {
  const words = Object.fromEntries(sumWords({ ...SUMS, mean_wrap_up_ms: null, satisfaction: null, rated: 0 }))
  expect([words['平均话后整理'], words['满意率']]).toEqual(['—', '—'])
  expect([talked({ talk_ms: null }), talked({ talk_ms: 0 }), talked({ talk_ms: 760_000 })]).toEqual(['—', '0:00', '12:40'])
})

test('a callback that is owed says from when', () => {
  const now = '2026-11-20T08:00:00+08:00'
  expect(owedWords({ callback: 1, next_at: '2026-11-20T10:30:00+08:00' }, now)).toBe('待回拨，10:30 起')
  expect(owedWords({ callback: 1, next_at: '2026-11-21T10:30:00+08:00' }, now)).toBe('待回拨，11-21 10:30 起')
})
