import { describe, expect, it } from 'vitest'

import { Offline, Problem } from './problem'
import { useVersioned } from './versioned'

interface Record {
  name: string
  version: number
}

const STALE = new Problem(409, { code: 'record.stale' })

function change(now: Record | null): ReturnType<typeof useVersioned<Record>> {
  return useVersioned<Record>(
    () => Promise.resolve(now),
    (before, after) => [`${before.name} → ${after?.name ?? '无'}`],
    (before) => ({ ...before, version: 0 }),
  )
}

describe('a change of what somebody else changed first', () => {
  it('rests on the newest state from then on, and says what it brought', async () => {
    const made = change({ name: '乙', version: 2 })
    made.begin({ name: '甲', version: 1 })
    expect(await made.make(() => Promise.reject(STALE), '已保存')).toBe(false)
    expect([made.refused.value, made.theirs.value, made.base.value?.version]).toEqual([STALE, ['甲 → 乙'], 2])
    made.begin(null)
    expect([made.refused.value, made.theirs.value, made.base.value]).toEqual([null, [], null])
  })

  it('enters anew what is gone', async () => {
    const made = change(null)
    made.begin({ name: '甲', version: 1 })
    await made.make(() => Promise.reject(STALE), '')
    expect([made.theirs.value, made.base.value]).toEqual([['甲 → 无'], { name: '甲', version: 0 }])
  })

  it('never takes over a record that somebody else entered first', async () => {
    const made = change({ name: '乙', version: 1 })
    made.begin(null)
    await made.make(() => Promise.reject(STALE), '')
    expect([made.theirs.value, made.base.value]).toEqual([[], null])
  })

  it('stays where it was when the line is not there', async () => {
    const made = change({ name: '乙', version: 2 })
    made.begin({ name: '甲', version: 1 })
    await made.make(() => Promise.reject(new Offline()), '')
    expect([made.theirs.value, made.base.value?.version]).toEqual([[], 1])
  })
})
