/** What refusals in the administration of people mean to whoever made the change. */

import { addProblemWords } from '@/parts/problemWords'

import type { SkillKind } from './types'

export const KIND_WORDS: Record<SkillKind, string> = {
  general: '综合',
  expert: '专家',
  enterprise: '企业',
  dialect: '方言',
  language: '外语',
  night: '夜间',
}

export function installWords(): void {
  addProblemWords({
    'staff.stale': { what: '别人刚刚修改了此人的资料。', next: '列表已更新；请关闭后核对最新内容再改。' },
    'staff.last_admin': { what: '这是最后一位能登录的管理员。', next: '请先把另一位人员设为管理员。' },
    'staff.work_number_fixed': { what: '工号一经使用不能更改或收回。', next: '来电和工单记在这个工号下；确需换号，请停用后另建登录名。' },
    'staff.unit_unknown': { what: '没有这个单位。', next: '请从列表中选择。' },
    'user.login_taken': { what: '这个登录名已有人使用（包括已停用的人员）。', next: '请换一个登录名。' },
    'user.work_number_taken': { what: '这个工号已有人使用（包括已停用的人员）。', next: '请换一个工号。' },
    'skill.unknown': { what: '没有这个技能组。', next: '它可能已被删除，请刷新列表。' },
    'skill.in_use': { what: '这个技能组还在使用。', next: '请先从座席的技能和队列的分配步骤里去掉它。' },
    'team.unknown': { what: '没有这个班组。', next: '它可能刚被删除；列表已更新。' },
    'team.name_taken': { what: '已有同名的班组。', next: '请换一个名称。' },
    'team.stale': { what: '别人刚刚修改了这个班组。', next: '已读取最新内容，您填写的仍在；核对后再保存一次，以您填写的为准。' },
    'user.unknown': { what: '没有这个人员。', next: '请刷新列表后重试。' },
  })
}
