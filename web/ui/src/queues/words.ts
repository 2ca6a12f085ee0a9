/** Queues as administrators read them, and what refusals mean. */

import { addProblemWords } from '@/parts/problemWords'

import { lengthWords } from './lengths'
import { stepsWords } from './steps'
import type { Opening, Overflow, OverflowAction, Queue, Rule, TieBreak } from './types'

/** Code to name. */
export type Names = ReadonlyMap<string, string>

export const TIE_BREAK_WORDS: Record<TieBreak, string> = {
  longest_idle: '空闲最久的先接',
  least_occupied: '签入以来忙碌占比最低的先接',
  most_proficient: '级别最高的先接，同级的空闲最久的先接',
}

export const OVERFLOW_WORDS: Record<OverflowAction, string> = {
  wait_on: '告知市民后继续等候',
  queue: '转到另一个队列，位置不变',
  callback: '请市民选择回拨（保留位置），不选的继续等候',
  message: '请市民选择留言，不选的继续等候',
}

function overflowWords({ action, queue }: Overflow, queues: Names): string {
  return action === 'queue' ? `转到${queues.get(queue) ?? queue}，位置不变` : OVERFLOW_WORDS[action]
}

export function openingWords(opening: Opening | null, queues: Names): string {
  if (!opening) return '全天'
  const { schedule, closed_queue } = opening
  return `${schedule}；其余时间${closed_queue ? `转到${queues.get(closed_queue) ?? closed_queue}` : '在本队列等候'}`
}

/** What a rule says, line by line. */
export function ruleFacts(rule: Rule, skills: Names, queues: Names): [string, string][] {
  return [
    ['名称', rule.name],
    ['分配步骤', stepsWords(rule.steps, skills)],
    ['几人空闲时', TIE_BREAK_WORDS[rule.tie_break]],
    ['话后整理', lengthWords(rule.wrap_up_ms)],
    ['话后整理最长', lengthWords(rule.wrap_up_max_ms)],
    ['先等熟悉的座席', lengthWords(rule.affinity_ms)],
    ['最多等候人数', rule.max_waiting === null ? '不限' : `${rule.max_waiting} 人`],
    ['人数满时', overflowWords(rule.when_full, queues)],
    ['最长等候', rule.max_wait_ms === null ? '不限' : lengthWords(rule.max_wait_ms)],
    ['等候超时', overflowWords(rule.when_late, queues)],
    ['及时接听标准', lengthWords(rule.service_level_ms)],
  ]
}

/** `话后整理：30 秒 → 1 分钟`, of whatever differs. */
export function ruleChanges(before: Rule, now: Rule, skills: Names, queues: Names): string[] {
  const told = ruleFacts(now, skills, queues)
  return ruleFacts(before, skills, queues).flatMap(([what, was], place) => {
    const is = told[place]?.[1]
    return was === is ? [] : [`${what}：${was} → ${is}`]
  })
}

/** The queues that lead calls into this one, and when: `综合（人数满时、非开放时间）`. */
export function leadingInto(queue: string, queues: readonly Queue[]): string[] {
  return queues.flatMap(({ queue: from, rule, opening }) => {
    if (from === queue) return []
    const when = [
      ...(rule.when_full.queue === queue ? ['人数满时'] : []),
      ...(rule.when_late.queue === queue ? ['等候超时'] : []),
      ...(opening?.closed_queue === queue ? ['非开放时间'] : []),
    ]
    return when.length ? [`${rule.name}（${when.join('、')}）`] : []
  })
}

export function installWords(): void {
  addProblemWords({
    'queue.unknown': { what: '没有这个队列。', next: '它可能刚被删除或恢复默认；列表已更新。' },
    'queue.stale': { what: '别人刚刚修改了这个队列。', next: '已读取最新内容，您填写的仍在；核对后再保存一次，以您填写的为准。' },
    'queue.in_use': { what: '还有别的队列把来电转到这里。', next: '请先修改那些队列的转接或开放时间。' },
    'opening.unknown': { what: '这个队列没有设置开放时间。', next: '它现在全天开放，列表已更新。' },
    'schedule.unknown': { what: '没有这个时段表。', next: '它可能已改名，请重新打开后选择。' },
  })
}
