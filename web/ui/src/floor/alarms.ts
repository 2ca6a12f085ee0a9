/** Thresholds a supervisor sets for the own screen, and what is beyond them now. */

import { duration } from '@/parts/time'

import type { Board } from './board'
import { percent, reasonWords, TALKING } from './words'

export interface Thresholds {
  /** Calls waiting in one queue. */
  waiting: number
  /** Seconds the longest has waited. */
  longest: number
  /** Per cent of today. */
  promptness: number
  connection: number
  abandonment: number
  /** Minutes an agent has been in a state. */
  notReady: number
  wrapUp: number
  talk: number
}

/** The targets of GB/T 33358-2016 where it has one: 95 % connected, answered within 15 s. */
export const USUAL: Thresholds = {
  waiting: 5,
  longest: 60,
  promptness: 90,
  connection: 95,
  abandonment: 5,
  notReady: 30,
  wrapUp: 5,
  talk: 20,
}

export const FIELDS: readonly { key: keyof Thresholds; label: string; unit: string; most: number }[] = [
  { key: 'waiting', label: '单个队列排队数达到', unit: '个', most: 999 },
  { key: 'longest', label: '最长等待达到', unit: '秒', most: 3600 },
  { key: 'promptness', label: '今日 15 秒及时率低于', unit: '%', most: 100 },
  { key: 'connection', label: '今日接通率低于', unit: '%', most: 100 },
  { key: 'abandonment', label: '今日放弃率高于', unit: '%', most: 100 },
  { key: 'notReady', label: '示忙超过', unit: '分钟', most: 600 },
  { key: 'wrapUp', label: '话后整理超过', unit: '分钟', most: 600 },
  { key: 'talk', label: '单次通话超过', unit: '分钟', most: 600 },
]

export interface Alarm {
  /** The same as long as it is the same trouble. */
  key: string
  /** `urgent`: citizens wait; `notice`: worth a look. */
  weight: 'urgent' | 'notice'
  text: string
  /** As it is read aloud, once: without what changes each second. */
  said: string
}

/** Rates of a handful of calls say nothing. */
const FEWEST = 20

/** What is beyond the thresholds at `nowMs` of the line's clock, urgent first. `name` of an agent as people know it. */
export function alarms(
  board: Board,
  limits: Thresholds,
  nowMs: number,
  name: (agent: string) => string = (agent) => agent,
  own: (agent: string) => boolean = () => true,
): Alarm[] {
  const found: Alarm[] = []
  const add = (key: string, weight: Alarm['weight'], said: string, more = ''): void => {
    found.push({ key, weight, said, text: said + more })
  }
  for (const [queue, entry] of Object.entries(board.queues)) {
    if (entry.waiting >= limits.waiting) add(`waiting:${queue}`, 'urgent', `${entry.name}排队超限`, `：${entry.waiting} 个`)
    const longest = entry.longest_since_ms === null ? 0 : (nowMs - entry.longest_since_ms) / 1000
    if (entry.waiting > 0 && longest >= limits.longest)
      add(`longest:${queue}`, 'urgent', `${entry.name}等待过久`, `：${duration(longest)}`)
    if (entry.waiting > 0 && entry.ready === 0 && entry.talking === 0 && entry.wrap_up === 0)
      add(`nobody:${queue}`, 'urgent', `${entry.name}有来电排队，无人在岗`)
  }
  const { line } = board
  if (line && line.offered >= FEWEST) {
    const below = (key: string, title: string, rate: number | null, limit: number): void => {
      if (rate !== null && rate * 100 < limit) add(key, 'notice', `今日${title}偏低`, `：${percent(rate)}`)
    }
    below('promptness', ' 15 秒及时率', line.promptness, limits.promptness)
    below('connection', '接通率', line.connection_rate, limits.connection)
    if (line.abandonment !== null && line.abandonment * 100 > limits.abandonment)
      add('abandonment', 'notice', '今日放弃率偏高', `：${percent(line.abandonment)}`)
  }
  for (const [agent, entry] of Object.entries(board.agents)) {
    if (!own(agent)) continue
    const seconds = (nowMs - entry.since_ms) / 1000
    const long = `：${duration(seconds)}`
    const who = name(agent)
    const key = `${entry.state}:${agent}`
    if (entry.state === 'UNREACHABLE') add(key, 'urgent', `${who} 话机不可用`)
    else if (entry.state === 'NOT_READY' && seconds > limits.notReady * 60)
      add(key, 'notice', `${who} 示忙过久`, `：${duration(seconds)}${entry.reason ? `（${reasonWords(entry.reason)}）` : ''}`)
    else if (entry.state === 'WRAP_UP' && seconds > limits.wrapUp * 60) add(key, 'notice', `${who} 话后整理过久`, long)
    else if (TALKING.has(entry.state) && seconds > limits.talk * 60) add(`talk:${agent}`, 'notice', `${who} 通话过久`, long)
  }
  return found.sort((a, b) => Number(b.weight === 'urgent') - Number(a.weight === 'urgent'))
}

const KEPT = 'hotline.floor.thresholds.'

/** A person's own thresholds of this browser; what is not there or makes no sense is as usual. */
export function readThresholds(login: string, from: Pick<Storage, 'getItem'> = localStorage): Thresholds {
  let kept: Partial<Record<keyof Thresholds, unknown>> = {}
  try {
    kept = (JSON.parse(from.getItem(KEPT + login) ?? '{}') ?? {}) as typeof kept
  } catch {
    // Somebody wrote something else there.
  }
  return Object.fromEntries(
    FIELDS.map(({ key, most }) => {
      const value = kept[key]
      const sane = typeof value === 'number' && value > 0 && value <= most
      return [key, sane ? value : USUAL[key]]
    }),
  ) as unknown as Thresholds
}

export function keepThresholds(login: string, limits: Thresholds, to: Pick<Storage, 'setItem'> = localStorage): void {
  to.setItem(KEPT + login, JSON.stringify(limits))
}
