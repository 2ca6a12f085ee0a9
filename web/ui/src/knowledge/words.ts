import { addProblemWords } from '@/parts/problemWords'
import type { Field, Values } from '@/tickets/forms'

import type { Content, Stale, Step, Version, VersionState } from './types'

export const STATES: Readonly<Record<VersionState, { text: string; tone: 'good' | 'wait' | 'bad' | 'off' }>> = {
  draft: { text: '待核对', tone: 'wait' },
  checked: { text: '已核对，待发布', tone: 'wait' },
  published: { text: '已发布', tone: 'good' },
  rejected: { text: '核对未通过', tone: 'bad' },
  replaced: { text: '已被修改', tone: 'off' },
  withdrawn: { text: '已撤回', tone: 'off' },
}

export const STEPS: Readonly<Record<Step, { text: string; reason: boolean }>> = {
  check: { text: '核对通过', reason: false },
  reject: { text: '核对不通过', reason: true },
  publish: { text: '发布', reason: false },
  withdraw: { text: '撤回', reason: true },
}

/** What may become of a version (`ticketing/knowledge/states.py`); the centre alone publishes and withdraws. */
export function possible(state: VersionState, centre: boolean): Step[] {
  if (state === 'draft') return ['check', 'reject']
  if (state === 'checked') return centre ? ['publish', 'reject'] : ['reject']
  return state === 'published' && centre ? ['withdraw'] : []
}

/** The version that counts on `day`: of the published ones the newest that has begun, and it alone; null once it ended. */
export function inForce(versions: readonly Version[], day: string): Version | null {
  const begun = versions.filter((one) => one.state === 'published' && one.valid_from <= day)
  const newest = begun.reduce<Version | null>((found, one) => (found === null || one.number > found.number ? one : found), null)
  return newest === null || (newest.valid_until !== null && newest.valid_until < day) ? null : newest
}

export const WHY: Readonly<Record<Stale['why'][number], string>> = {
  review_due: '复查到期',
  ended: '有效期已过',
  reported: '有人纠错',
  never_published: '从未发布',
}

export const CONTENT: readonly Field[] = [
  { name: 'title', label: '标题', kind: 'line', needed: true, hint: '市民会怎么问，就怎么写' },
  { name: 'answer', label: '答案', kind: 'text', needed: true },
  { name: 'spoken', label: '电话播报词', kind: 'text', hint: '语音菜单照着念；空则不播报' },
  { name: 'category', label: '栏目', kind: 'line' },
  { name: 'public', label: '向市民公开', kind: 'yes-no', needed: true },
  { name: 'valid_from', label: '生效日期', kind: 'day', needed: true },
  { name: 'valid_until', label: '失效日期', kind: 'day', hint: '最后有效的一天；空为长期' },
  { name: 'comment', label: '修改说明', kind: 'line', hint: '给核对的人看' },
]

/** A version as the fields hold it. */
export function valuesOf(content: Content): Values {
  return { ...content, public: content.public ? 'yes' : 'no', valid_until: content.valid_until ?? '', comment: '' }
}

export function installWords(): void {
  addProblemWords({
    'knowledge.not_found': { what: '没有这个知识条目。', next: '请返回知识库重新查找。' },
    'knowledge.stale': { what: '您打开之后，别人又写了一版。', next: '那一版已显示在上方；您写的内容还在，核对后再次提交即以它为准。' },
    'knowledge.step_not_possible': { what: '这一版的状态已经变了。', next: '请刷新后查看。' },
    'knowledge.same_person': { what: '自己写的不能自己核对。', next: '请另一位编辑核对（双人核对）。' },
    'knowledge.other_unit': { what: '这个条目由其他单位负责。', next: '请联系责任单位，或由中心的知识库编辑修改。' },
    'knowledge.code_taken': { what: '这个编码已经有条目了。', next: '请换一个编码，或修改那个条目。' },
  })
}
