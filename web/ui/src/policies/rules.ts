/** Rules compared, said and checked. Pure. */

import { REFUSAL_GROUNDS, type Choices } from '@/tickets/words'

import { FIELDS, KEPT, type Field } from './fields'
import type { LocalGround, Rules, Schema, Value } from './types'

export interface Difference {
  field: Field
  before: Value
  after: Value
}

const NONE = '无'
const LOCAL = /^local_(\d+)$/
/** As `ticketing/policy.py` takes them. */
export const LONGEST = { term: 100, basis: 300, guidance: 1_000 } as const

/** Whether two values are the same rule; the order of a set's members is nothing. */
export function same(one: Value | undefined, other: Value | undefined): boolean {
  const texts = (value: Value | undefined): string => JSON.stringify(isTexts(value) ? [...value].sort() : value)
  return texts(one) === texts(other)
}

function isTexts(value: Value | undefined): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}

/** The rules that are not as before, in the order of the table. */
export function differences(before: Rules, after: Rules): Difference[] {
  return FIELDS.flatMap((field) => {
    const [was, is] = [before[field.name], after[field.name]]
    return was === undefined || is === undefined || same(was, is) ? [] : [{ field, before: was, after: is }]
  })
}

/** What was filled in on the rules `old`, carried over to `base`: what nobody touched here is as it is there. */
export function carried(old: Rules, draft: Rules, base: Rules): Rules {
  const mine = Object.entries(copied(draft)).filter(([name, value]) => name in base && !same(value, old[name]))
  return { ...copied(base), ...Object.fromEntries(mine) }
}

/** A copy that can be edited. */
export function copied(rules: Rules): Rules {
  return JSON.parse(JSON.stringify(rules)) as Rules
}

function term(choices: Choices, word: string): string {
  return choices.find(([one]) => one === word)?.[1] ?? word
}

/** The seven grounds of refusal, one of which a ground of the city's own is counted under. */
export function groundUnder(one: LocalGround): string {
  return term(REFUSAL_GROUNDS, one.under)
}

/** A rule's value as people read it; `category` names a category. */
export function valueText(field: Field, value: Value, category: (code: string) => string): string {
  switch (field.kind) {
    case 'number':
      return `${String(value)} ${field.unit}`
    case 'flag':
      return value ? '是' : '否'
    case 'choice':
      return term(field.choices, String(value))
    case 'fixed':
      return value === 'Asia/Shanghai' ? '北京时间' : '其他时间'
    case 'set':
      return isTexts(value) && value.length
        ? field.choices.filter(([word]) => value.includes(word)).map(([, said]) => said).join('、')
        : NONE
    case 'categories':
      return isTexts(value) && value.length ? value.map(category).sort((a, b) => a.localeCompare(b, 'zh-CN')).join('；') : NONE
    case 'grounds':
      return (value as LocalGround[]).map((one) => `${one.term}（归入：${groundUnder(one)}；依据：${one.basis}${one.guidance ? `；指引：${one.guidance}` : ''}）`).join('；') || NONE
  }
}

/** What is wrong with rules as they were filled in, by field; `refusal_grounds.<place>.<part>` for a ground's parts. */
export function wrongs(rules: Rules, schema: Schema): Map<string, string> {
  const found = new Map<string, string>()
  for (const field of FIELDS) {
    const value = rules[field.name]
    const { minimum = 0, maximum = Number.MAX_SAFE_INTEGER, minItems = 0 } = schema.properties[field.name] ?? {}
    if (field.kind === 'number') {
      const right = typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum
      if (!right) found.set(field.name, `请填 ${minimum} 至 ${maximum} 的整数`)
    } else if (field.kind === 'set' && isTexts(value) && value.length < minItems) {
      found.set(field.name, `至少选 ${minItems} 项`)
    } else if (field.kind === 'grounds') {
      for (const [place, one] of (value as LocalGround[]).entries()) {
        if (!one.term.trim()) found.set(`${field.name}.${place}.term`, '请填写情形')
        if (!one.basis.trim()) found.set(`${field.name}.${place}.basis`, '请填写依据')
      }
    }
  }
  together(rules, found)
  return found
}

/** Rules that hang together; said only where each is right by itself. */
function together(rules: Rules, found: Map<string, string>): void {
  const right = (...names: string[]): boolean => names.every((name) => !found.has(name))
  const count = (name: string): number => rules[name] as number
  if (right('signed_from', 'most_extensions') && count('signed_from') > count('most_extensions') + 1) {
    found.set('signed_from', `最多延期 ${count('most_extensions')} 次，这里不能大于 ${count('most_extensions') + 1}`)
  }
  const least = Math.min(count('caller_days'), count('address_days'))
  if (right('complete_file_days', 'caller_days', 'address_days') && count('complete_file_days') > least) {
    found.set('complete_file_days', `归档件含姓名、号码和地址，保存不能长于它们（${least} 天）`)
  }
}

/** Whether a change erases sooner what is kept now. */
export function erasesSooner(found: readonly Difference[]): boolean {
  return found.some(({ field, before, after }) => KEPT.has(field.name) && after < before)
}

/** A ground with a code that no version has had, so that old refusals keep their meaning. */
export function newGround(all: readonly Rules[]): LocalGround {
  const taken = all.flatMap((rules) => (rules.refusal_grounds as LocalGround[] | undefined) ?? [])
  const highest = Math.max(0, ...taken.map(({ code }) => Number(LOCAL.exec(code)?.[1] ?? 0)))
  return { code: `local_${highest + 1}`, term: '', under: 'unlawful', basis: '', guidance: '' }
}
