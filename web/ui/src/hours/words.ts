/** What refusals of hours and of working days mean to whoever lays them down. */

import { Problem } from '@/api/client'
import { addProblemWords } from '@/parts/problemWords'

export function installWords(): void {
  addProblemWords({
    'schedule.unknown': { what: '没有这个时段表。', next: '请刷新列表后重试。' },
    'hours.stale': { what: '别人刚刚改过。', next: '您填写的内容还在；最新内容已显示，核对后再次提交即以您填写的为准。' },
    'hours.invalid': { what: '时段不成立。', next: '每段要先开始后结束，并且不跨零点。' },
  })
}

/** Whether a change was refused because somebody else was first. */
export function isStale(refusal: unknown): boolean {
  return refusal instanceof Problem && refusal.code === 'hours.stale'
}

/** A version as a change names it (If-Match). */
export function tagOf(version: number): string {
  return `"${version}"`
}
