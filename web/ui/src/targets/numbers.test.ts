import { describe, expect, it, test } from 'vitest'

import { draft, moved, ringing, unchanged, written, wrongWith, type Draft } from './numbers'

const TAX = { endpoint: 'branch-12366', user: '99012366', ring_seconds: 15, schedule: null }
const CARRIER = { endpoint: 'carrier', user: '03982800366', ring_seconds: 20, schedule: '工作日' }

function one(changes: Partial<Draft> = {}): Draft {
  return { ...draft(TAX), ...changes }
}

describe('numbers', () => {
  it('are written as they were read', () => {
    expect(written([draft(TAX), draft(CARRIER)])).toEqual([TAX, CARRIER])
    expect(written([one({ user: ' 110 ', schedule: '' })])[0]).toMatchObject({ user: '110', schedule: null })
  })

  it('begin empty, and ring as long as most do', () => {
    expect(written([draft()])).toEqual([{ endpoint: '', user: '', ring_seconds: 20, schedule: null }])
  })

  it('move by one, and not beyond the ends', () => {
    expect(moved(['a', 'b', 'c'], 1, -1)).toEqual(['b', 'a', 'c'])
    expect(moved(['a', 'b', 'c'], 1, 1)).toEqual(['a', 'c', 'b'])
    expect(moved(['a', 'b'], 0, -1)).toEqual(['a', 'b'])
    expect(moved(['a', 'b'], 1, 1)).toEqual(['a', 'b'])
  })

  it('that are in another order are changed', () => {
    expect(unchanged([TAX, CARRIER], written([draft(TAX), draft(CARRIER)]))).toBe(true)
    expect(unchanged([TAX, CARRIER], [CARRIER, TAX])).toBe(false)
    expect(unchanged([TAX], [{ ...TAX, schedule: '工作日' }])).toBe(false)
  })

  it('ring one after the other', () => {
    expect(ringing([TAX, CARRIER])).toBe(35)
    expect(ringing(written([one({ ring: '' }), one({ ring: 'x' })]))).toBe(0)
  })
})

test.each<[Partial<Draft>, string]>([
  [{}, ''],
  [{ user: '+8639828001' }, ''],
  [{ endpoint: '' }, '请选择中继'],
  [{ user: '' }, '1 至 15 位'],
  [{ user: '0398-2800366' }, '1 至 15 位'],
  [{ user: '1234567890123456' }, '1 至 15 位'],
  [{ ring: '2' }, '3 至 120'],
  [{ ring: '121' }, '3 至 120'],
  [{ ring: '10.5' }, '3 至 120'],
  [{ ring: '' }, '3 至 120'],
])('%o: %s', (changes, why) => {
  const row = one(changes)
  const told = wrongWith(row, [row])
  if (why) expect(told).toContain(why)
  else expect(told).toBe('')
})

test('the same number twice is said of the second', () => {
  const [first, second] = [one(), one()]
  expect([wrongWith(first, [first, second]), wrongWith(second, [first, second])]).toEqual(['', '与前面的号码相同。'])
  const other = one({ schedule: '夜间' })
  expect(wrongWith(other, [first, other])).toBe('')
})
