/** The floor's words: codes of the server as supervisors read them, and its refusals. */

import { addProblemWords } from '@/parts/problemWords'

import type { AgentState, SupervisionState } from './types'

export { reason as reasonWords, STATE_WORDS } from '@/desk/words'

export const PART_WORDS: Record<SupervisionState, string> = {
  calling: '正在呼叫您的话机',
  listening: '监听中',
  whispering: '密语中',
  barged: '强插中',
  taking_over: '正在接管',
  talking: '已接管，与市民通话',
  ended: '已结束',
}

export const WHY_WORDS: Record<string, string> = {
  stopped: '您已退出',
  supervisor_left: '您的话机已挂断',
  call_over: '通话已结束',
  busy: '您的话机占线',
  no_answer: '您的话机无人接听',
  unreachable: '您的话机不可用',
  no_talk: '该话务员已不在通话中',
  not_done: '未能接管，通话保持原样',
}

const GOOD: readonly AgentState[] = ['READY']
const AT_WORK: readonly AgentState[] = ['TALKING', 'HOLD', 'CONSULT', 'CONFERENCE']

export const TALKING: ReadonlySet<AgentState> = new Set(AT_WORK)

export function toneOf(state: AgentState): 'good' | 'wait' | 'bad' | 'off' {
  if (GOOD.includes(state) || AT_WORK.includes(state)) return 'good'
  if (state === 'UNREACHABLE') return 'bad'
  return state === 'NOT_READY' || state === 'SIGNED_OUT' ? 'off' : 'wait'
}

/** `93.4%`; `—` where there was nothing to measure. */
export function percent(rate: number | null | undefined): string {
  return rate === null || rate === undefined ? '—' : `${(rate * 100).toFixed(1)}%`
}

export function installWords(): void {
  addProblemWords({
    'supervision.no_talk': { what: '该话务员现在不在通话中。', next: '等下一个来电接通后再操作。' },
    'supervision.elsewhere': { what: '您正在另一名话务员的通话里。', next: '先退出那一个，再进入这一个。' },
    'supervision.not_there': { what: '您不在这名话务员的通话里。', next: '名单会自动更新，无需再操作。' },
    'supervision.phone_missing': { what: '不知道要呼叫哪部话机。', next: '请在“我的话机”填写分机号。' },
    'supervision.phone_taken': { what: '这部话机上已有话务员签入。', next: '请填写一部没有人用的分机。' },
    'supervision.not_permitted': { what: '您的角色不能这样操作，这次尝试已记入审计。', next: '如工作需要，请由管理员调整督导权限。' },
    'supervision.other_team': { what: '该话务员不在您的班组，这次尝试已记入审计。', next: '请联系其班长；班组刚调整过的，名单会自动更新。' },
  })
}
