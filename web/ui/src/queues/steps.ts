/** Whom a queue asks for, step by step: as the line writes it, as administrators put it together, and in words. */

import { lengthWords } from './lengths'

/** From `after_ms` on agents who meet any of `needs`, each as `expert-12333:4` or `dialect-henan:2+general`. */
export interface Step {
  after_ms: number
  needs: string[]
}

/** A skill group, and the lowest level in it, 1 to 9. */
export interface Skill {
  skill: string
  level: number
}

/** All of these skills. */
export type Need = Skill[]

export interface StepDraft {
  /** Tells steps apart while they are moved about. */
  key: number
  after_ms: number | null
  needs: Need[]
}

/** As `web/routes/queues.py` takes them. */
export const MOST_STEPS = 16
export const MOST_NEEDS = 16
const LONGEST_NEED = 200

let drawn = 0

export function readNeed(text: string): Need {
  return text.split('+').map((part) => {
    const [skill = '', level = '1'] = part.split(':')
    return { skill, level: Number(level) }
  })
}

/** The one way the line writes it: groups in order, level 1 unsaid. */
export function writeNeed(need: Need): string {
  return need
    .map(({ skill, level }) => (level === 1 ? skill : `${skill}:${level}`))
    .sort()
    .join('+')
}

/** A need still to be filled in. */
export function blankNeed(): Need {
  return [{ skill: '', level: 1 }]
}

export function blankStep(after_ms: number | null): StepDraft {
  return { key: ++drawn, after_ms, needs: [blankNeed()] }
}

export function draftOf(steps: readonly Step[]): StepDraft[] {
  return steps.map((one) => ({ key: ++drawn, after_ms: one.after_ms, needs: one.needs.map(readNeed) }))
}

/** What is sent; the form has seen to it that every time and group is filled in. */
export function stepsOf(drafts: readonly StepDraft[]): Step[] {
  return drafts.map((one) => ({ after_ms: one.after_ms ?? 0, needs: one.needs.map(writeNeed) }))
}

/** Why each step cannot be; empty where it can. What is not filled in yet is not wrong. */
export function wrongOf(drafts: readonly StepDraft[]): string[] {
  return drafts.map((one, place) => {
    const before = drafts[place - 1]?.after_ms ?? null
    if (before !== null && one.after_ms !== null && one.after_ms <= before) {
      return `开始的时间要晚于上一步（${lengthWords(before)}）`
    }
    const filled = one.needs.filter((need) => need.every(({ skill }) => skill))
    if (filled.some((need) => new Set(need.map(({ skill }) => skill)).size < need.length)) return '同一种座席里，一个技能组只能选一次'
    if (new Set(filled.map(writeNeed)).size < filled.length) return '有两种座席的要求一样'
    return filled.some((need) => writeNeed(need).length > LONGEST_NEED) ? '一种座席要求的技能太多' : ''
  })
}

/** `河南话（2 级以上）且综合`. */
export function needWords(text: string, names: ReadonlyMap<string, string>): string {
  return readNeed(text)
    .map(({ skill, level }) => `${names.get(skill) ?? skill}${level > 1 ? `（${level} 级以上）` : ''}`)
    .join('且')
}

/** `先找企业；满 15 秒起找企业或综合`. */
export function stepsWords(steps: readonly Step[], names: ReadonlyMap<string, string>): string {
  return steps
    .map(({ after_ms, needs }) => `${after_ms ? `满 ${lengthWords(after_ms)}起找` : '先找'}${needs.map((need) => needWords(need, names)).join('或')}`)
    .join('；')
}
