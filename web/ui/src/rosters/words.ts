/** Words of rosters and swaps, and what refusals mean to whoever lays them down. */

import { addProblemWords } from '@/parts/problemWords'

import type { SwapState } from './types'

export const SWAP_WORDS: Record<SwapState, { tone: 'good' | 'wait' | 'bad' | 'off'; text: string }> = {
  asked: { tone: 'wait', text: '待对方同意' },
  agreed: { tone: 'wait', text: '待班长审批' },
  approved: { tone: 'good', text: '已换班' },
  refused: { tone: 'bad', text: '未批准' },
  withdrawn: { tone: 'off', text: '已撤回' },
}

const GENERAL = 'general'
const OF_A_LINE = 'expert-'

/** A skill group's name; of those nobody named the number of its line. */
export function groupName(group: string, names: ReadonlyMap<string, string>): string {
  const known = names.get(group)
  if (known) return known
  if (group === GENERAL) return '综合'
  return group.startsWith(OF_A_LINE) ? `${group.slice(OF_A_LINE.length)} 专家` : group
}

export function installWords(): void {
  addProblemWords({
    'roster.overlap': { what: '其中有人那时已有班次。', next: '整批没有排；请避开已有的班次，或先取消它们。' },
    'roster.unknown_shift': { what: '这个班次已不在排班表上。', next: '它可能已被取消或换给了别人，请看最新的排班表。' },
    'roster.unknown_agent': { what: '没有这个工号，或此人已停用。', next: '请刷新后重新选择。' },
    'roster.not_in_group': { what: '其中有人不具备这个技能组。', next: '请换人或换技能组；技能由班长在“技能”里配置。' },
    'roster.shift_began': { what: '班次已经开始，不能再改。', next: '已发生的班次照实保留。' },
    'roster.not_your_unit': { what: '这不是本单位的专家。', next: '单位只能安排本单位的专家。' },
    'roster.unknown_swap': { what: '没有这个换班申请。', next: '请看最新的列表。' },
    'roster.swap_closed': { what: '这个换班申请的状态已变。', next: '对方可能已撤回，或已经审批；请看最新的列表。' },
    'roster.swap_already_asked': { what: '这个班次已有换班申请。', next: '请等它有结果，或先撤回再申请。' },
    'roster.not_your_shift': { what: '这不是您的班次。', next: '只能换出自己的班次，换回对方的班次。' },
    'roster.own_swap': { what: '不能审批自己的换班。', next: '请由另一位班长审批。' },
  })
}
