/** What is said of versions, and of refusals to change them. */

import { addProblemWords } from '@/parts/problemWords'

import type { PolicyState } from './types'

export const STATES: Record<PolicyState, { tone: 'good' | 'wait' | 'off'; text: string }> = {
  past: { tone: 'off', text: '已结束' },
  in_force: { tone: 'good', text: '执行中' },
  planned: { tone: 'wait', text: '待施行' },
  withdrawn: { tone: 'off', text: '已收回' },
}

export function versionName(number: number): string {
  return number ? `第 ${number} 版` : '初始规则'
}

export function installWords(): void {
  addProblemWords({
    'ticket_policy.unknown': { what: '没有这一版规则。', next: '请刷新列表。' },
    'ticket_policy.too_early': { what: '施行日最早是明天。', next: '今天受理的工单已按现行规则起算；请另选一天。' },
    'ticket_policy.out_of_order': { what: '已有一版在这一天或之后施行。', next: '请选更晚的一天；确需提前的，先收回那一版。' },
    'ticket_policy.unchanged': { what: '与前一版没有不同。', next: '请先修改至少一项规则。' },
    'ticket_policy.begun': { what: '这一版已经施行，不能收回。', next: '请制定新版，从以后的一天起代替它。' },
    'ticket_policy.withdrawn': { what: '这一版已经收回。', next: '列表已更新，无需再操作。' },
    'ticket_policy.used': { what: '已有工单按这一版受理，不能收回。', next: '请制定新版，从以后的一天起代替它。' },
    'ticket_policy.stale': { what: '别人刚刚制定或收回了一版。', next: '已重新读取，请核对后再提交一次。' },
    'ticket.category_not_found': { what: '所选事项分类已不存在。', next: '请去掉它后再提交。' },
  })
}
