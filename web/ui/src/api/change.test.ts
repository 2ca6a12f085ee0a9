import { describe, expect, it } from 'vitest'

import { useChange } from './change'

describe('a change of the line', () => {
  it('says what it did', async () => {
    const change = useChange()
    expect(await change.make(() => Promise.resolve(), '已保存')).toBe(true)
    expect([change.done.value, change.refused.value, change.busy.value]).toEqual(['已保存', null, false])
  })

  it('is made once by who presses twice', async () => {
    const change = useChange()
    let made = 0
    let finish = (): void => undefined
    const act = (): Promise<void> => {
      made += 1
      return new Promise((resolve) => (finish = resolve))
    }
    const first = change.make(act, '已保存')
    expect(change.busy.value).toBe(true)
    expect(await change.make(act, '已保存')).toBe(false)
    finish()
    expect([await first, made]).toEqual([true, 1])
  })

  it('keeps why it was refused, after what it rests on was read anew', async () => {
    const stale = new Error('stale')
    const told: unknown[] = []
    const change = useChange(async (caught) => {
      await Promise.resolve()
      told.push(caught)
    })
    change.done.value = '已保存'
    expect(await change.make(() => Promise.reject(stale), '又保存')).toBe(false)
    expect([told, change.refused.value, change.done.value, change.busy.value]).toEqual([[stale], stale, '', false])
    change.forget()
    expect(change.refused.value).toBeNull()
  })
})
