/** The words of visits: calls out by state and outcome (`calls/call_out_states.py`). */

import { inWords } from '@/parts/time'
import type { HistoryEntry } from '@/tickets/types'
import { word, type Choices } from '@/tickets/words'

import type { CallOut } from './types'

export const CALL_STATES: Choices = [
  ['requested', '正在接续'],
  ['placing', '正在呼叫您的话机，请接听'],
  ['dialled', '正在呼叫诉求人'],
  ['talking', '通话中'],
]

/** How the citizen answered. */
export const PARTY_OUTCOMES: Choices = [
  ['answered', '已接通'],
  ['busy', '对方占线'],
  ['no_answer', '无人接听'],
  ['rejected', '对方拒接'],
  ['unallocated', '空号'],
  ['powered_off', '关机或不在服务区'],
  ['failed', '线路故障，对方没有振铃'],
  ['agent_left', '对方振铃时座席已挂断'],
  ['lost', '通话结果未知'],
]

/** Why the citizen was not called. */
const NOT_PLACED: Choices = [
  ['agent_not_free', '您没有签入、正忙，或话机不在线'],
  ['agent_no_answer', '您的话机没有接听'],
  ['not_allowed', '该号码刚被其他人呼叫'],
  ['expired', '已撤回，或接续超时'],
  ['lost', '接续中断'],
  ['unavailable', '线路的一个部件暂时没有响应'],
]

/** Where a call out is, in a sentence. */
export function callWords(call: CallOut): string {
  if (call.state === 'not_placed') return `没有呼出：${word(NOT_PLACED, call.outcome)}`
  if (call.state !== 'ended') return word(CALL_STATES, call.state)
  const talked = call.talk_ms ? `，通话 ${inWords(call.talk_ms / 1000)}` : ''
  return `呼叫结束：${word(PARTY_OUTCOMES, call.outcome)}${talked}`
}

/** How often the citizen was called, and on how many of the city's days. */
export function triedWords(days: readonly string[]): string {
  return days.length === 0 ? '还没有呼叫过诉求人' : `已呼叫 ${days.length} 次，在 ${new Set(days).size} 天里`
}

/** The reply that a ticket's citizen is asked about; null: there is none. */
export function replyOf(history: readonly HistoryEntry[]): HistoryEntry | null {
  return history.findLast((one) => one.action === 'reply' || one.action === 'take_reply') ?? null
}
