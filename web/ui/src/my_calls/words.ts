/** The words of an agent's calls (`calls/agent_calls.py`). */

import { duration, inWords, shortly, type Moment } from '@/parts/time'

import type { MyCall, Owed, Sums } from './types'

export const DIRECTIONS: Readonly<Record<MyCall['direction'], string>> = { in: '呼入', callback: '回拨', out: '外呼' }

const CAME: Readonly<Record<MyCall['came'], string>> = {
  ringing: '振铃中',
  talking: '通话中',
  talked: '已通话',
  not_reached: '对方未接',
  no_answer: '未接听',
  rejected: '已拒接',
  failed: '话机故障',
  withdrawn: '已撤回',
}

/** What came of a call: by it the row is read first. */
export function cameWords(came: MyCall['came']): string {
  return CAME[came]
}

/** `12:40`; a dash for a call without a talk. */
export function talked(one: Pick<MyCall, 'talk_ms'>): string {
  return one.talk_ms === null ? '—' : duration(one.talk_ms / 1000)
}

/** The day's sums as the page shows them, each with its name. */
export function sumWords(sums: Sums): [name: string, value: string][] {
  return [
    ['接听', `${sums.taken} 个`],
    ['通话时长', inWords(sums.talk_ms / 1000)],
    ['平均话后整理', sums.mean_wrap_up_ms === null ? '—' : inWords(sums.mean_wrap_up_ms / 1000)],
    ['满意率', sums.satisfaction === null ? '—' : `${(sums.satisfaction * 100).toFixed(1)}%（${sums.rated} 个评价）`],
    ['待回拨', `${sums.callbacks_owed} 个`],
  ]
}

/** When a citizen is called back: `10:30 起`; overdue ones too, for it is never before. */
export function owedWords(one: Owed, now: Moment): string {
  return `待回拨，${shortly(one.next_at, now)} 起`
}
