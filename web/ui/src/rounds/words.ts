/** The words of follow-up rounds (`calls/round_states.py`), and what came of a step in a sentence. */

import { addProblemWords } from '@/parts/problemWords'
import { dateTime } from '@/parts/time'
import { SATISFACTION, word, type Choices } from '@/tickets/words'
import { PARTY_OUTCOMES } from '@/visits/words'

import type { Item, Report } from './types'

export const LONGEST = 5_000

type Tone = 'good' | 'wait' | 'bad' | 'off'

export const ROUND_STATES: Readonly<Record<string, { tone: Tone; text: string }>> = {
  draft: { tone: 'off', text: '未开始' },
  running: { tone: 'good', text: '进行中' },
  paused: { tone: 'wait', text: '已暂停' },
  finished: { tone: 'off', text: '已完成' },
  closed: { tone: 'off', text: '已结束' },
}

export const MODES: Choices = [
  ['agent', '人工回访'],
  ['ivr', '自动语音回访'],
]

export const ITEM_STATES: Choices = [
  ['waiting', '待呼叫'],
  ['preview', '已领取'],
  ['calling', '呼叫中'],
  ['talked', '待登记结果'],
  ['done', '已回访'],
  ['unreachable', '未接通'],
  ['invalid', '号码无效'],
  ['barred', '免打扰'],
  ['failed', '线路故障'],
  ['skipped', '不回访'],
  ['withdrawn', '已撤回'],
]

/** What a citizen said, as an agent writes it down. */
export const GIVEN: Choices = [...SATISFACTION, ['declined', '拒绝评价'], ['wrong_person', '非本人']]

export const RESULTS: Choices = [...GIVEN, ['to_agent', '要求转人工'], ['no_result', '没有登记结果']]

/** Tickets that a round by filter is made of. */
export const TICKET_STATES: Choices = [
  ['replied', '已答复，待回访'],
  ['visited', '已回访'],
  ['closed', '已办结'],
]

/** Items that an agent has. */
const IN_HAND = ['preview', 'calling', 'talked']

/** Whether an item is this agent's to work on. */
export function inHand(item: Item, agent: string | null | undefined): boolean {
  return Boolean(agent) && item.agent === agent && IN_HAND.includes(item.state)
}

/** `83.3%`; `—` where there is nothing to divide by. */
export function percent(rate: number | null): string {
  return rate === null ? '—' : `${(rate * 100).toFixed(1)}%`
}

/** The numbers of a ticket list as it is pasted, each once, and what in it is none. */
export function ticketNumbers(text: string): { numbers: string[]; wrong: string[] } {
  const given = new Set(text.split(/[\s,，;；、]+/).filter(Boolean).map((one) => one.toUpperCase()))
  const numbers = [...given].filter((one) => /^[A-Z0-9]{1,40}$/.test(one))
  return { numbers, wrong: [...given].filter((one) => !numbers.includes(one)) }
}

/** How many items closing a round would withdraw. */
export function withdrawn(report: Report): number {
  return (report.states.waiting ?? 0) + (report.states.preview ?? 0)
}

/** States or results that there are, with how many, in the order of their words. */
export function counted(words: Choices, counts: Readonly<Record<string, number>>): { term: string; count: number }[] {
  return words.map(([code, term]) => ({ term, count: counts[code] ?? 0 })).filter(({ count }) => count > 0)
}

/** Where an item is that an agent had on the screen and called. */
export function afterCall(item: Item): string {
  const how = item.outcome ? `${word(PARTY_OUTCOMES, item.outcome)}：` : ''
  switch (item.state) {
    case 'waiting':
      return `${how}已排到 ${dateTime(item.next_at)} 之后再次呼叫。`
    case 'unreachable':
      return `${how}呼叫次数已满，登记为未接通，待短信告知。`
    case 'invalid':
      return `${how}号码无效，不再呼叫。`
    case 'failed':
      return `${how}线路多次没有呼出，不再呼叫。`
    case 'withdrawn':
      return `${how}批次已结束，任务已撤回。`
    default:
      return `${how}这件任务${word(ITEM_STATES, item.state)}，已不在您手上。`
  }
}

/** What became of an item that its agent lost without a call. */
export function afterLapse(item: Item): string {
  if (item.state === 'withdrawn') return '批次已结束，任务已撤回。'
  return item.state === 'done' ? '领取的时限已过，登记为没有结果。' : '领取的时限已过，任务已退回批次。'
}

/** What came of an outcome. */
export function afterOutcome(item: Item): string {
  const { ticket } = item
  if (item.state === 'waiting') return `${ticket}：已约定 ${dateTime(item.next_at)} 之后再次呼叫。`
  if (item.state === 'withdrawn') return `${ticket}：批次已结束，不再呼叫。`
  if (item.result === 'no_result') return `${ticket}：呼叫次数已满，不能再约，登记为没有结果。`
  const kept = item.on_ticket === false ? '只记在批次里：工单已不在待回访状态。' : '已写入工单。'
  return `${ticket}：${word(RESULTS, item.result)}，${kept}`
}

/** What came of a skip; `asked`: it was to be put off. */
export function afterSkip(item: Item, asked: boolean): string {
  if (item.state === 'waiting') return `${item.ticket}：已推迟到 ${dateTime(item.next_at)}。`
  if (item.state === 'withdrawn') return `${item.ticket}：批次已结束，任务已撤回。`
  return asked ? `${item.ticket}：推迟次数已满，登记为不回访。` : `${item.ticket}：登记为不回访。`
}

export function installWords(): void {
  addProblemWords({
    'round.moved': { what: '批次或任务的状态刚刚变了，这一步没有做。', next: '内容已更新，请核对后再决定。' },
    'round.other_agent': { what: '这件任务已不在您手上。', next: '它可能已超过领取的时限；请领取下一件。' },
    'round.length': { what: `一个批次要有 1 至 ${LONGEST} 件不重复的工单。`, next: '没有符合条件的工单，或者太多；请修改条件后重试。' },
  })
}
