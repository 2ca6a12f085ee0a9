import { describe, expect, it } from 'vitest'

import { alarms, keepThresholds, readThresholds, USUAL } from './alarms'
import { after, EMPTY, whole } from './board'
import { ceiling, dayOf, intervals } from './intervals'
import type { AgentEntry, LineEntry, QueueEntry } from './types'
import { percent } from './words'

const NOW = 1_000_000_000
const TRAFFIC = {
  waiting: 0,
  longest_since_ms: null,
  offered: 0,
  answered: 0,
  abandoned: 0,
  short_abandoned: 0,
  connection_rate: null,
  promptness: null,
  service_level: null,
  abandonment: null,
  average_answer_ms: null,
}
const QUEUE: QueueEntry = { ...TRAFFIC, name: '综合座席组', ready: 1, talking: 0, wrap_up: 0 }
const LINE: LineEntry = { ...TRAFFIC, agents: {}, connection_rate_24h: null }
const AGENT: AgentEntry = {
  extension: '8001',
  state: 'READY',
  reason: '',
  since_ms: NOW,
  queue: '',
  calls: 0,
  missed: 0,
  talk_ms: 0,
}

describe('the board', () => {
  it('takes fields that changed, what is new and what is gone', () => {
    const first = whole({ queues: { general: QUEUE }, agents: { '1001': AGENT }, line: LINE, kept_up: true, at_ms: NOW })
    const second = after(first, {
      queues: { general: { waiting: 3 } },
      agents: { '1002': { ...AGENT, extension: '8002' } },
      line: { waiting: 3 },
      gone: { agents: ['1001'] },
    })
    expect(second.queues.general).toEqual({ ...QUEUE, waiting: 3 })
    expect(Object.keys(second.agents)).toEqual(['1002'])
    expect(second.line?.waiting).toBe(3)
    expect(first.queues.general?.waiting).toBe(0)
    expect(Object.keys(first.agents)).toEqual(['1001'])
  })

  it('has no line before it was worked out, and is kept up again with the first change', () => {
    const empty = whole({ queues: {}, agents: {}, line: {}, kept_up: false, at_ms: NOW })
    expect(empty.line).toBeNull()
    expect(empty.keptUp).toBe(false)
    expect(after(empty, { line: LINE }).keptUp).toBe(true)
  })
})

describe('alarms', () => {
  const of = (queue: Partial<QueueEntry>, line: Partial<LineEntry> = {}, agents: Record<string, AgentEntry> = {}): string[] =>
    alarms({ ...EMPTY, queues: { general: { ...QUEUE, ...queue } }, line: { ...LINE, ...line }, agents }, USUAL, NOW).map(
      (one) => one.key,
    )

  it('are silent when nothing is beyond', () => {
    expect(of({ waiting: 4, longest_since_ms: NOW - 59_000 })).toEqual([])
  })

  it('tell of queues at their thresholds, and of one where nobody is', () => {
    expect(of({ waiting: 5, longest_since_ms: NOW - 60_000 })).toEqual(['waiting:general', 'longest:general'])
    expect(of({ waiting: 1, ready: 0 })).toEqual(['nobody:general'])
    expect(of({ waiting: 1, ready: 0, wrap_up: 1 })).toEqual([])
  })

  it('tell of rates only once there were enough calls', () => {
    const low = { promptness: 0.8, connection_rate: 0.9, abandonment: 0.1 }
    expect(of({}, { offered: 19, ...low })).toEqual([])
    expect(of({}, { offered: 20, ...low })).toEqual(['promptness', 'connection', 'abandonment'])
  })

  it('tell of agents, the urgent first, and only of the own', () => {
    const agents: Record<string, AgentEntry> = {
      '1001': { ...AGENT, state: 'NOT_READY', since_ms: NOW - 31 * 60_000 },
      '1002': { ...AGENT, state: 'UNREACHABLE' },
      '1003': { ...AGENT, state: 'HOLD', since_ms: NOW - 21 * 60_000 },
      '1004': { ...AGENT, state: 'WRAP_UP', since_ms: NOW - 4 * 60_000 },
    }
    expect(of({}, {}, agents)).toEqual(['UNREACHABLE:1002', 'NOT_READY:1001', 'talk:1003'])
    expect(alarms({ ...EMPTY, agents }, USUAL, NOW, undefined, () => false)).toEqual([])
  })

  it('say the same as long as the trouble is the same', () => {
    const at = (now: number): string[] =>
      alarms({ ...EMPTY, queues: { general: { ...QUEUE, waiting: 1, longest_since_ms: NOW - 60_000 } } }, USUAL, now).map(
        (one) => one.said,
      )
    expect(at(NOW)).toEqual(at(NOW + 5_000))
  })
})

describe('thresholds', () => {
  const kept = new Map<string, string>()
  const store = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => kept.set(key, value) }

  it('are each person’s own, and as usual where something else was kept', () => {
    keepThresholds('li', { ...USUAL, waiting: 9 }, store)
    expect(readThresholds('li', store).waiting).toBe(9)
    expect(readThresholds('wang', store)).toEqual(USUAL)
    for (const wrong of ['nonsense', 'null', '{"waiting":"many","longest":-1,"talk":1e9}']) {
      kept.set('hotline.floor.thresholds.wang', wrong)
      expect(readThresholds('wang', store)).toEqual(USUAL)
    }
  })
})

describe('history', () => {
  it('puts subjects of one interval together and works rates out from the sums', () => {
    const row = (subject: string, starts_at: string, counts: Record<string, number>) => ({ subject, starts_at, counts, figures: {} })
    const found = intervals([
      row('12345', '2026-11-22T04:30:00Z', { offered: 1, answered: 0, short_abandoned: 1 }),
      row('12345', '2026-11-22T04:00:00Z', { offered: 3, answered: 2, answered_promptly: 1, abandoned: 1 }),
      row('12333', '2026-11-22T04:00:00Z', { offered: 1, answered: 1, answered_promptly: 1 }),
    ])
    expect(found.map((one) => [one.offered, one.answered, one.abandoned])).toEqual([
      [4, 3, 1],
      [1, 0, 1],
    ])
    expect(found[0]?.connection).toBe(0.75)
    expect(found[0]?.promptness).toBeCloseTo(2 / 3)
    expect(found[1]?.promptness).toBeNull()
  })

  it('is of the city’s day', () => {
    expect(dayOf('2026-11-22')).toEqual({ from: '2026-11-21T16:00:00.000Z', to: '2026-11-22T16:00:00.000Z' })
  })

  it('has an axis that divides well', () => {
    expect([0, 4, 7, 33, 100, 101].map(ceiling)).toEqual([4, 4, 10, 40, 100, 200])
  })

  it('writes rates', () => {
    expect([percent(null), percent(0.9345), percent(1)]).toEqual(['—', '93.5%', '100.0%'])
  })
})
