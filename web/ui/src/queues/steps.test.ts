import { describe, expect, it, test } from 'vitest'

import { lengthWords, unitOf } from './lengths'
import { blankStep, draftOf, readNeed, stepsOf, stepsWords, wrongOf, writeNeed, type StepDraft } from './steps'

const NAMES = new Map([
  ['general', '综合'],
  ['expert-12333', '12333专家'],
  ['dialect-henan', '河南话'],
])

function step(after_ms: number | null, ...needs: string[]): StepDraft {
  return { key: 0, after_ms, needs: needs.map(readNeed) }
}

describe('a need', () => {
  it.each(['general', 'expert-12333:4', 'dialect-henan:2+general', 'a:9+b+c:3'])('%s is put together and written as it was', (text) => {
    expect(writeNeed(readNeed(text))).toBe(text)
  })

  it('is written one way, whatever the order it was chosen in', () => {
    expect(writeNeed([{ skill: 'general', level: 1 }, { skill: 'dialect-henan', level: 2 }])).toBe('dialect-henan:2+general')
  })
})

test('steps are put together and sent as they were', () => {
  const steps = [
    { after_ms: 0, needs: ['expert-12333:4'] },
    { after_ms: 15_500, needs: ['expert-12333:4', 'dialect-henan:2+general'] },
  ]
  expect(stepsOf(draftOf(steps))).toEqual(steps)
})

test('steps are told in words, a group without a name by its code', () => {
  const steps = [
    { after_ms: 0, needs: ['expert-12333:4'] },
    { after_ms: 90_000, needs: ['dialect-henan:2+general', 'gone'] },
  ]
  expect(stepsWords(steps, NAMES)).toBe('先找12333专家（4 级以上）；满 1 分 30 秒起找河南话（2 级以上）且综合或gone')
})

describe('steps that cannot be', () => {
  it.each([
    ['begin with the one before', [step(0, 'a'), step(0, 'b')], ['', '开始的时间要晚于上一步（0 秒）']],
    ['are out of order', [step(0, 'a'), step(60_000, 'b'), step(20_000, 'c')], ['', '', '开始的时间要晚于上一步（1 分钟）']],
    ['ask twice for a group', [step(0, 'a:2+a')], ['同一种座席里，一个技能组只能选一次']],
    ['say the same twice', [step(0, 'a:2+b', 'b+a:2')], ['有两种座席的要求一样']],
    ['are longer than the line takes', [step(0, Array.from({ length: 7 }, (_, place) => `${place}`.padEnd(31, 'x')).join('+'))], ['一种座席要求的技能太多']],
  ])('%s', (_, drafts, wrong) => {
    expect(wrongOf(drafts)).toEqual(wrong)
  })

  it('are not those that still have to be filled in', () => {
    expect(wrongOf([step(0, 'a'), blankStep(null), step(5000, 'b')])).toEqual(['', '', ''])
    expect(wrongOf([{ key: 0, after_ms: 0, needs: [[{ skill: '', level: 1 }], [{ skill: '', level: 1 }]] }])).toEqual([''])
  })
})

test('a length is offered in minutes where it is whole ones', () => {
  expect([0, 30_000, 90_000, 300_000].map((ms) => [unitOf(ms), lengthWords(ms)])).toEqual([
    [1000, '0 秒'],
    [1000, '30 秒'],
    [1000, '1 分 30 秒'],
    [60_000, '5 分钟'],
  ])
  expect(unitOf(null)).toBe(1000)
  expect(lengthWords(1500)).toBe('1.5 秒')
})
