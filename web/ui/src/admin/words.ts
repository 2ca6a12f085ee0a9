/** Codes of the directory as administrators read them. */

import { addProblemWords } from '@/parts/problemWords'

export const MODE_WORDS: Record<string, string> = {
  main: '主号',
  merged: '整体并入',
  forwarded: '来电转移',
  retained: '专号保留',
  dual: '双号并行',
  branch: '设分中心',
  emergency: '紧急类',
  utility: '公共事业',
  excluded: '不纳入归并',
}

export const PATH_WORDS: Record<string, string> = {
  direct: '问候后进入综合座席',
  experts: '问候后先找专家座席，随后综合座席也可接',
  transfer: '按次序转到该号码自己的接听点',
  announce: '告知号码归属后进入综合座席',
}

export const PLATFORM_WORDS: Record<string, string> = { ours: '本中心接听', own: '自有平台接听' }

export const FALLBACK_WORDS: Record<string, string> = {
  agent: '接听点都不接时由本中心座席按入线时间接听',
  redial: '接听点都不接时重拨，并提示市民直接拨打该号码',
}

export const MODE_STATE_WORDS: Record<string, { tone: 'good' | 'wait' | 'off'; text: string }> = {
  past: { tone: 'off', text: '已结束' },
  in_force: { tone: 'good', text: '执行中' },
  planned: { tone: 'wait', text: '待生效' },
}

export const LEVEL_WORDS: Record<string, string> = { province: '省级', city: '市级', county: '县级' }

export function installWords(): void {
  addProblemWords({
    'contact.unknown': { what: '没有这个联系人。', next: '它可能已被删除，请刷新列表。' },
    'contact.number_not_dialled': { what: '这不是能拨打的办公电话。', next: '请填写固话或手机；紧急号码、免费电话和境外号码不能用。' },
    'directory.stale': { what: '号码目录刚刚被别人改过。', next: '已重新读取，请核对后再提交一次。' },
    'mode.unchanged': { what: '那个时刻该号码本来就是这种方式。', next: '请换一种方式或时间。' },
    'mode.moment_taken': { what: '同一时刻已安排了另一次变更。', next: '请换一个时间，或先取消那次变更。' },
    'mode.begun': { what: '这次变更已经生效，不能取消。', next: '请另行安排一次变更。' },
    'mode.unknown': { what: '没有这次变更。', next: '它可能已被取消，请看最新列表。' },
    'mode.unsupported': { what: '这个号码不能采用这种方式。', next: '请从列出的方式中选择。' },
    'user.unknown': { what: '没有这个登录名。', next: '请核对后重试；登录名只有小写字母、数字和 . _ -。' },
  })
}
