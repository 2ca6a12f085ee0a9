import { describe, expect, it } from 'vitest'

import { clock, date, dateTime, duration, inWords, shortly } from './time'

describe('moments', () => {
  it('are in the city’s zone, whatever the machine’s', () => {
    expect(dateTime('2026-02-28T23:30:00Z')).toBe('2026-03-01 07:30')
    expect(dateTime('2026-02-28T16:00:00Z')).toBe('2026-03-01 00:00')
    expect(date('2026-02-28T15:59:59Z')).toBe('2026-02-28')
    expect(clock('2026-02-28T16:00:07Z')).toBe('00:00:07')
  })

  it('that are none are a dash', () => {
    expect([dateTime(null), date(undefined), clock('nonsense')]).toEqual(['—', '—', '—'])
  })

  it('say no more than they must', () => {
    const now = '2026-03-01T04:00:00Z'
    expect(shortly('2026-03-01T01:05:00Z', now)).toBe('09:05')
    expect(shortly('2026-02-27T01:05:00Z', now)).toBe('02-27 09:05')
    expect(shortly('2025-02-27T01:05:00Z', now)).toBe('2025-02-27 09:05')
  })
})

describe('lengths', () => {
  it('count in minutes, then in hours', () => {
    expect([0, 7.9, 65, 3725, -3].map(duration)).toEqual(['0:00', '0:07', '1:05', '1:02:05', '0:00'])
  })

  it('read as words', () => {
    expect([40, 720, 11_100, 7200, 187_200, 172_800].map(inWords)).toEqual([
      '40 秒',
      '12 分钟',
      '3 小时 5 分钟',
      '2 小时',
      '2 天 4 小时',
      '2 天',
    ])
  })
})
