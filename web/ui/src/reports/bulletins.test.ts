import { describe, expect, it } from 'vitest'

import { asMethod, asSheet, changeText, dayAfter, errorText, figureText, inForce, isOver, methodWrong, periodsFor, periodTerm, type Method } from './bulletins'

describe('periods', () => {
  it('are named as people name them', () => {
    expect(['2026-10', '2026-Q4', '2026-H1', '2026-H2', '2026'].map(periodTerm)).toEqual(['2026年10月', '2026年第4季度', '2026年上半年', '2026年下半年', '2026年'])
    expect(periodTerm('2026-W44')).toBe('2026-W44')
  })

  it('are over when the city’s day after has begun', () => {
    expect(isOver('2026-10', '2026-10-31T15:59:59Z')).toBe(false)
    expect(isOver('2026-10', '2026-10-31T16:00:00Z')).toBe(true)
    expect(isOver('2026-12', '2026-12-31T16:00:00Z')).toBe(true)
    expect(isOver('2026-Q4', '2026-12-31T15:00:00Z')).toBe(false)
    expect(isOver('2026-H1', '2026-07-01T00:00:00Z')).toBe(true)
    expect(isOver('2026', '2026-12-31T15:00:00Z')).toBe(false)
  })

  it('are offered as the kind asks, the newest first, over the turn of a year', () => {
    expect(periodsFor('bulletin', '2026-02-03').slice(0, 3)).toEqual(['2026-02', '2026-01', '2025-12'])
    expect(periodsFor('bulletin', '2026-02-03').slice(13)).toEqual(['2026-Q1', '2025-Q4', '2025-Q3', '2025-Q2', '2025-Q1'])
    expect(periodsFor('assessment', '2026-11-23')).toEqual(['2026-H2', '2026-H1', '2025-H2', '2025-H1', '2024-H2'])
    expect(periodsFor('evaluation', '2026-11-23')).toEqual(['2026', '2025', '2024', '2023'])
  })
})

describe('what a correction changed', () => {
  it('reads by the figure’s measure', () => {
    expect(figureText(0.98765, 'ratio')).toBe('98.77%')
    expect(figureText(12, 'count')).toBe('12')
    expect(figureText(8_450, 'milliseconds')).toBe('8.4 秒')
    expect(figureText(null, 'count')).toBe('—')
  })

  it('names the figure, and a unit’s score', () => {
    const definitions = new Map([['registered', { name: 'registered', term: '受理登记量', measure: 'count' }]])
    expect(changeText({ unit: '', figure: 'registered', before: 6, after: 7 }, definitions)).toEqual({ term: '受理登记量', before: '6', after: '7' })
    expect(changeText({ unit: '市人社局', figure: 'points', before: 88.125, after: null }, definitions)).toEqual({ term: '得分', before: '88.13', after: '—' })
  })
})

it('why a report was not made is said in Chinese', () => {
  expect(errorText('reports.gave_up')).toContain('没有完成')
  expect(errorText('database.deadlock')).toContain('重新生成')
})

describe('a method of assessment', () => {
  const method: Method = {
    title: '承办单位考核办法',
    items: [
      { figure: 'on_time_rate', weight: 70, full: 0.95, none: 0.6 },
      { figure: 'rehandle_rate', weight: 30, full: 0, none: 0.3 },
    ],
    deductions: [{ figure: 'supervised', points: 0.5, most: 5 }],
    grades: [{ points: 60, term: '合格' }, { points: 0, term: '不合格' }],
    least_cases: 10,
  }
  const changed = (change: (sheet: ReturnType<typeof asSheet>) => void): string => {
    const sheet = asSheet(method)
    change(sheet)
    return methodWrong(sheet)
  }

  it('is the same after it was a form', () => {
    expect(asMethod(asSheet(method))).toEqual(method)
    expect(asSheet(method).items[0]).toMatchObject({ full: 95, none: 60 })
    expect(methodWrong(asSheet(method))).toBe('')
  })

  it('says what is wrong with it', () => {
    expect(changed((one) => (one.items[0]!.weight = 60))).toBe('分值合计应为 100')
    expect(changed((one) => (one.items[0]!.full = 60))).toContain('不能相同')
    expect(changed((one) => (one.items[1]!.figure = 'on_time_rate'))).toContain('出现两次')
    expect(changed((one) => (one.deductions[0]!.points = ''))).toContain('扣分')
    expect(changed((one) => one.grades.pop())).toContain('0 分起')
    expect(changed((one) => (one.title = ' '))).toBe('请填写名称')
  })

  it('is in force from its first day on', () => {
    const versions = [
      { number: 0, first_day: '0001-01-01', method },
      { number: 1, first_day: '2027-01-01', method },
      { number: 2, first_day: '2026-12-01', method },
    ]
    expect(inForce(versions, '2026-11-23')).toBe(0)
    expect(inForce(versions, '2026-12-01')).toBe(2)
    expect(inForce(versions, '2027-01-01')).toBe(1)
    expect(dayAfter('2026-12-31')).toBe('2027-01-01')
  })
})
