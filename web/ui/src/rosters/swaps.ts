/** What may be done with a swap, by whom (`acd/roster_swaps.py`). */

import type { Swap } from './types'

export interface Step {
  path: 'agree' | 'withdraw' | 'approve' | 'refuse'
  title: string
  /** What is said when it is done. */
  said: string
}

const AGREE: Step = { path: 'agree', title: '同意', said: '已同意，等班长审批' }
const DECLINE: Step = { path: 'withdraw', title: '不同意', said: '已谢绝' }
const WITHDRAW: Step = { path: 'withdraw', title: '撤回', said: '已撤回' }
const APPROVE: Step = { path: 'approve', title: '批准', said: '已批准' }
const REFUSE: Step = { path: 'refuse', title: '不批准', said: '未批准' }

/** The steps of the person with work number `me`; `decides`: a supervisor or an administrator. */
export function steps(swap: Swap, me: string | null, decides: boolean): Step[] {
  const { state } = swap
  if (state !== 'asked' && state !== 'agreed') return []
  if (me === swap.agent) return [WITHDRAW]
  if (me === swap.to_agent) return state === 'asked' ? [AGREE, DECLINE] : [WITHDRAW]
  if (!decides) return []
  return state === 'agreed' ? [APPROVE, REFUSE] : [REFUSE]
}
