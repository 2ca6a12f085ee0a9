import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { type Attempt, Autosave, type Saving } from './autosave'

type Reply = (attempt: Attempt<string>) => void

function setUp() {
  const sent: { text: string; revision: number; reply: Reply }[] = []
  const states: Saving[] = []
  const saver = new Autosave<string, string>(
    {
      send: (text, revision) => new Promise((reply) => sent.push({ text, revision, reply })),
      onState: (state) => states.push(state),
      afterMs: 100,
      againMs: 500,
    },
    3,
  )
  const answer = async (attempt: Attempt<string>): Promise<void> => {
    sent.at(-1)!.reply(attempt)
    await vi.advanceTimersByTimeAsync(0)
  }
  return { saver, sent, states, answer }
}

describe('autosave', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('sends once, a moment after the last change, over the revision that was read', async () => {
    const { saver, sent, states, answer } = setUp()
    saver.change('a')
    await vi.advanceTimersByTimeAsync(60)
    saver.change('ab')
    await vi.advanceTimersByTimeAsync(60)
    expect(sent).toHaveLength(0)
    await vi.advanceTimersByTimeAsync(60)
    expect(sent).toMatchObject([{ text: 'ab', revision: 3 }])
    await answer({ kind: 'saved', revision: 4, saved: '' })
    expect(saver.revision).toBe(4)
    expect(saver.dirty).toBe(false)
    expect(states.at(-1)).toBe('saved')
  })

  it('follows up with what was typed while it was sending', async () => {
    const { saver, sent, answer } = setUp()
    saver.change('a')
    await vi.advanceTimersByTimeAsync(100)
    saver.change('b')
    await answer({ kind: 'saved', revision: 4, saved: '' })
    expect(saver.dirty).toBe(true)
    await vi.advanceTimersByTimeAsync(200)
    expect(sent).toHaveLength(2)
    expect(sent[1]).toMatchObject({ text: 'b', revision: 4 })
  })

  it('never has two on the way', async () => {
    const { saver, sent, answer } = setUp()
    saver.change('a')
    await vi.advanceTimersByTimeAsync(100)
    saver.change('b')
    await vi.advanceTimersByTimeAsync(300)
    expect(sent).toHaveLength(1)
    await answer({ kind: 'saved', revision: 4, saved: '' })
    await vi.advanceTimersByTimeAsync(300)
    expect(sent.map((one) => [one.text, one.revision])).toEqual([
      ['a', 3],
      ['b', 4],
    ])
  })

  it('tries again by itself when the line was away', async () => {
    const { saver, sent, states, answer } = setUp()
    saver.change('a')
    await vi.advanceTimersByTimeAsync(100)
    await answer({ kind: 'offline' })
    expect(states.at(-1)).toBe('offline')
    await vi.advanceTimersByTimeAsync(500)
    expect(sent).toHaveLength(2)
    expect(saver.dirty).toBe(true)
  })

  it('stops at a conflict, keeps what is typed, and goes on over the other revision', async () => {
    const { saver, sent, states, answer } = setUp()
    saver.change('a')
    await vi.advanceTimersByTimeAsync(100)
    await answer({ kind: 'conflict', clash: {} })
    saver.change('b')
    await vi.advanceTimersByTimeAsync(5_000)
    expect(sent).toHaveLength(1)
    expect(states.at(-1)).toBe('conflict')
    void saver.goOn(9, 'merged')
    await vi.advanceTimersByTimeAsync(0)
    expect(sent[1]).toMatchObject({ text: 'merged', revision: 9 })
  })

  it('keeps what was refused until it is changed', async () => {
    const { saver, sent, states, answer } = setUp()
    saver.change('bad')
    await vi.advanceTimersByTimeAsync(100)
    await answer({ kind: 'refused', why: null })
    expect(states.at(-1)).toBe('refused')
    expect(saver.dirty).toBe(true)
    await vi.advanceTimersByTimeAsync(5_000)
    expect(sent).toHaveLength(1)
    saver.change('good')
    await vi.advanceTimersByTimeAsync(100)
    expect(sent).toHaveLength(2)
  })
})
