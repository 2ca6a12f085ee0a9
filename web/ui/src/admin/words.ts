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

export const LEVEL_WORDS: Record<string, string> = { province: '省级', city: '市级', county: '县级' }

export function installWords(): void {
  addProblemWords({
    'contact.unknown': { what: '没有这个联系人。', next: '它可能已被删除，请刷新列表。' },
    'contact.number_not_dialled': { what: '这不是能拨打的办公电话。', next: '请填写固话或手机；紧急号码、免费电话和境外号码不能用。' },
    'user.unknown': { what: '没有这个登录名。', next: '请核对后重试；登录名只有小写字母、数字和 . _ -。' },
  })
}
