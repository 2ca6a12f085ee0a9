/** How targets stand, and the kinds they are listed by. */

import type { Target } from '@/desk/types'
import { STANDING_WORDS, STATE_WORDS } from '@/desk/words'
import { addProblemWords } from '@/parts/problemWords'

export const TONES = { free: 'good', busy: 'wait', closed: 'off', failing: 'bad', unknown: 'off' } as const

/** What a reader looks for, and the kinds of `directory/targets.py` it is. */
export const KINDS = [
  { title: '分中心和双号并行热线', kinds: ['branch', 'dual'] },
  { title: '紧急类', kinds: ['emergency'] },
  { title: '公共事业和其他热线', kinds: ['utility', 'excluded'] },
  { title: '省级和其他平台', kinds: ['province', 'partner'] },
  { title: '单位联络员', kinds: ['contact'] },
  { title: '座席组', kinds: ['queue'] },
  { title: '本中心人员', kinds: ['agent', 'expert', 'supervisor'] },
  { title: '全部', kinds: [] },
] as const

/** How a target stands, and what is known of why. */
export function live(one: Target): string {
  if (one.agent !== null) return STATE_WORDS[one.agent]
  const parts = [STANDING_WORDS[one.standing]]
  if (one.ready !== null) parts.push(`空闲 ${one.ready} 人，排队 ${one.waiting ?? 0}`)
  if (one.talking) parts.push(`通话中 ${one.talking}`)
  return parts.join('，')
}

export function installWords(): void {
  addProblemWords({
    'directory.stale': { what: '号码目录刚刚被别人改过。', next: '已重新读取；请核对后再保存一次。' },
    'line.unknown': { what: '没有这个号码。', next: '它可能已被移出目录，请刷新列表。' },
    'schedule.unknown': { what: '没有这个时段表。', next: '它可能已被改名，请重新选择。' },
  })
}
