import { expect, test } from 'vitest'

import { FIELDS, GROUPS, type Field } from './fields'
import { carried, differences, erasesSooner, newGround, same, valueText, wrongs } from './rules'
import type { LocalGround, Rules, Schema } from './types'

const GROUND: LocalGround = { code: 'local_2', term: '涉诉', under: 'other_procedure', basis: '市规定第三条', guidance: '' }
const RULES: Rules = {
  zone: 'Asia/Shanghai', general_days: 5, urgent_hours: 12, most_extensions: 2, signed_from: 2, ask_before_count: 'calendar',
  pass_on_types: ['complaint', 'report'], pass_on_categories: [], question_pauses: false, refusal_grounds: [],
  caller_days: 1095, address_days: 1095, complete_file_days: 1095, call_days: 1095, satisfied: ['satisfied'],
}
const WHOLE: Rules = { ...Object.fromEntries(FIELDS.filter((one) => one.kind === 'number').map((one) => [one.name, 30])), ...RULES }
const SCHEMA: Schema = {
  properties: { general_days: { minimum: 1, maximum: 90 }, satisfied: { minItems: 1 } },
}

function field(name: string): Field {
  return FIELDS.find((one) => one.name === name)!
}

function said(name: string, rules: Rules): string {
  return valueText(field(name), rules[name]!, (code) => (code === '09' ? '城管 / 执法' : code))
}

test('every rule stands once, with a label and where it is from', () => {
  expect(new Set(FIELDS.map((one) => one.name)).size).toBe(FIELDS.length)
  expect(FIELDS.filter((one) => !one.label || !one.source)).toEqual([])
  expect(GROUPS.filter((one) => !one.fields.length)).toEqual([])
})

test('sets are the same in any order, and other lists are not', () => {
  expect(same(['report', 'complaint'], ['complaint', 'report'])).toBe(true)
  expect(same(['report'], ['complaint', 'report'])).toBe(false)
  expect(same([GROUND], [{ ...GROUND, term: '涉军' }])).toBe(false)
  expect(same(5, 5)).toBe(true)
  expect(same('', 5)).toBe(false)
})

test('what is not as before is told in the order of the table', () => {
  const after = { ...RULES, satisfied: ['very_satisfied', 'satisfied'], general_days: 3, pass_on_types: ['report', 'complaint'] }
  expect(differences(RULES, after).map((one) => [one.field.name, one.before, one.after])).toEqual([
    ['general_days', 5, 3],
    ['satisfied', ['satisfied'], ['very_satisfied', 'satisfied']],
  ])
  expect(differences(RULES, RULES)).toEqual([])
})

test('what was filled in is kept on another base, and what was not is as it is there', () => {
  const draft = { ...RULES, urgent_hours: 6, pass_on_categories: ['09'] }
  const base = { ...RULES, general_days: 4, urgent_hours: 8 }
  expect(carried(RULES, draft, base)).toEqual({ ...base, urgent_hours: 6, pass_on_categories: ['09'] })
  expect(carried(RULES, { ...RULES, gone: 1 }, base)).toEqual(base)
})

test('values are said with their units and terms', () => {
  expect(said('general_days', RULES)).toBe('5 工作日')
  expect(said('question_pauses', RULES)).toBe('否')
  expect(said('ask_before_count', RULES)).toBe('自然日')
  expect(said('zone', RULES)).toBe('北京时间')
  expect(said('pass_on_types', { pass_on_types: ['report', 'complaint'] })).toBe('投诉、举报')
  expect(said('pass_on_types', { pass_on_types: [] })).toBe('无')
  expect(said('pass_on_categories', { pass_on_categories: ['09'] })).toBe('城管 / 执法')
  expect(said('refusal_grounds', RULES)).toBe('无')
  expect(said('refusal_grounds', { refusal_grounds: [GROUND] })).toContain('涉诉（归入：应当通过诉讼')
})

test.each([0, 91, 2.5, ''])('%s is no number of days', (days) => {
  expect(wrongs({ ...WHOLE, general_days: days }, SCHEMA).get('general_days')).toBe('请填 1 至 90 的整数')
})

test('rules that hang together are checked together', () => {
  expect([...wrongs(WHOLE, SCHEMA)]).toEqual([])
  expect(wrongs({ ...WHOLE, most_extensions: 0 }, SCHEMA).get('signed_from')).toContain('不能大于 1')
  expect(wrongs({ ...WHOLE, caller_days: 365 }, SCHEMA).get('complete_file_days')).toContain('365 天')
  // A mistake in one of them is said first.
  expect([...wrongs({ ...WHOLE, caller_days: '' }, SCHEMA).keys()]).toEqual(['caller_days'])
  expect(wrongs({ ...WHOLE, satisfied: [] }, SCHEMA).get('satisfied')).toBe('至少选 1 项')
  const empty = { ...GROUND, term: ' ', basis: '' }
  expect([...wrongs({ ...WHOLE, refusal_grounds: [GROUND, empty] }, SCHEMA).keys()]).toEqual([
    'refusal_grounds.1.term',
    'refusal_grounds.1.basis',
  ])
})

test('only a shorter time of keeping erases sooner', () => {
  const sooner = (changed: Rules): boolean => erasesSooner(differences(RULES, { ...RULES, ...changed }))
  expect(sooner({ call_days: 365 })).toBe(true)
  expect(sooner({ call_days: 2000 })).toBe(false)
  expect(sooner({ general_days: 3 })).toBe(false)
})

test('a new ground has a code that no version had', () => {
  expect(newGround([RULES]).code).toBe('local_1')
  expect(newGround([RULES, { refusal_grounds: [GROUND, { ...GROUND, code: 'shesu' }] }]).code).toBe('local_3')
})
