/** The words of the workbench: codes of the line as people read them (`ticketing/vocabulary.py`, `handling/words.py`). */

import { addProblemWords } from '@/parts/problemWords'

export type Choices = readonly (readonly [string, string])[]

export const TYPES: Choices = [
  ['consult', '咨询'],
  ['help', '求助'],
  ['complaint', '投诉'],
  ['report', '举报'],
  ['suggestion', '建议'],
]

export const SOURCES: Choices = [
  ['phone', '电话'],
  ['voice_message', '语音留言'],
  ['sms', '短信'],
  ['mail', '信箱'],
  ['web', '网站'],
  ['wechat', '微信'],
  ['weibo', '微博'],
  ['app', '手机客户端'],
  ['state_council', '国务院“互联网+督查”'],
  ['gov_cn', '中国政府网'],
  ['people_cn', '人民网'],
  ['governor_mailbox', '省长信箱'],
  ['city_website', '市政府网站'],
  ['province', '省级12345'],
  ['police_110', '110移交'],
  ['branch', '分中心转办'],
  ['platform', '其他平台转办'],
]

export const URGENCIES: Choices = [
  ['general', '一般'],
  ['urgent', '紧急'],
]

export const CONFIDENTIALITY: Choices = [
  ['open', '公开'],
  ['confidential', '保密'],
  ['anonymous', '匿名'],
]

export const PARTS: Choices = [
  ['lead', '主办'],
  ['assist', '协办'],
]

export const PART_STATES: Choices = [
  ['delivered', '待签收'],
  ['working', '办理中'],
  ['return_asked', '退单待审'],
  ['replied', '已反馈'],
  ['taken', '已采纳'],
  ['withdrawn', '已撤销'],
]

export const SATISFACTION: Choices = [
  ['very_satisfied', '非常满意'],
  ['satisfied', '满意'],
  ['fairly_satisfied', '基本满意'],
  ['dissatisfied', '不满意'],
  ['very_dissatisfied', '非常不满意'],
]

export const VISIT_OUTCOMES: Choices = [
  ['reached', '已接通'],
  ['declined', '拒绝评价'],
  ['wrong_person', '非本人'],
  ['unreachable', '未接通'],
  ['invalid', '无有效联系方式'],
]

export const CONTACT_WAYS: Choices = [
  ['phone', '电话'],
  ['on_site', '上门'],
  ['sms', '短信'],
  ['letter', '书面'],
  ['online', '网上'],
  ['masked_call', '经12345转接的隐号通话'],
]

export const CONTACT_OUTCOMES: Choices = [
  ['answered', '已答复诉求人'],
  ['unreachable', '联系不上'],
  ['declined', '诉求人拒绝沟通'],
]

export const REFUSAL_GROUNDS: Choices = [
  ['secrets', '涉及国家秘密、商业秘密、个人隐私或违反社会公序良俗'],
  ['other_powers', '涉及党委、人大、政协、军队等职能'],
  ['other_procedure', '应当通过诉讼、仲裁、复议等程序解决或已进入信访渠道'],
  ['already_handled', '有权处理的部门已经受理或正在办理'],
  ['closed_same_matter', '已办结，同一诉求人以同一事实和理由再次提出'],
  ['outside_city', '非本市行政职权管辖范围'],
  ['unlawful', '其他违反法律、法规、规章规定'],
]

export const OVERDUE_CAUSES: Choices = [
  ['complex', '事项复杂'],
  ['other_unit', '等待其他单位配合'],
  ['duties_unclear', '职责不清'],
  ['funds', '资金或项目未落实'],
  ['procedure', '法定程序未完结'],
  ['citizen', '等待诉求人配合'],
  ['force_majeure', '不可抗力'],
  ['own_delay', '本单位办理迟缓'],
  ['other', '其他'],
]

export const SUPERVISION_GROUNDS: Choices = [
  ['overdue', '超出办理时限'],
  ['repeated', '多次或集中反映'],
  ['knowledge', '知识库维护不及时或不符合要求'],
  ['refuses', '职责范围内拒不接受工单'],
  ['other', '其他需要督办的情形'],
]

export const SUPERVISION_FORMS: Choices = [
  ['order', '督办单'],
  ['phone', '电话督办'],
  ['letter', '书面督办'],
  ['meeting', '会议督办'],
  ['on_site', '现场督办'],
  ['media', '媒体联动督办'],
  ['inspection', '专项督查'],
  ['leader', '领导批示督办'],
  ['coordination', '专题协调'],
  ['interview', '约谈提醒'],
]

export const CLOCKS: Choices = [
  ['dispatch', '派单时限'],
  ['pass_on', '即时转办时限'],
  ['return', '退单时限'],
  ['handling', '办理时限'],
  ['statutory', '法定程序时限'],
]

export const CLOCK_ENDS: Choices = [
  ['met', '按时'],
  ['late', '超期'],
  ['withdrawn', '撤销'],
]

export const ACTIONS: Choices = [
  ['register', '登记'],
  ['amend', '修改登记'],
  ['answer', '直接答复'],
  ['accept', '受理'],
  ['refuse', '不予受理'],
  ['split', '拆单'],
  ['merge', '并单'],
  ['unmerge', '取消并单'],
  ['take_reply', '采用主单答复'],
  ['dispatch', '派单'],
  ['recall', '撤回派单'],
  ['sign_for', '签收'],
  ['return', '退单'],
  ['agree_return', '同意退单'],
  ['refuse_return', '不同意退单'],
  ['extend', '申请延期'],
  ['sign_extension', '签批延期'],
  ['grant_extension', '同意延期'],
  ['refuse_extension', '不同意延期'],
  ['meet', '专题协调会'],
  ['reply', '答复'],
  ['approve_reply', '审核通过答复'],
  ['reject_reply', '退回修改答复'],
  ['supervise', '督办'],
  ['urge', '催办'],
  ['supplement', '补充'],
  ['visit', '回访'],
  ['rehandle', '重办'],
  ['close', '办结'],
  ['evaluate', '评价'],
  ['archive', '归档'],
]

export const LINKS: Choices = [
  ['merged', '并单'],
  ['split', '拆单'],
  ['repeats', '重复诉求'],
]

/** The word of a code; the code itself where none is known. */
export function word(choices: Choices, code: string | null | undefined): string {
  if (code === null || code === undefined || code === '') return '—'
  return choices.find(([value]) => value === code)?.[1] ?? code
}

addProblemWords({
  'ticket.not_found': { what: '没有这张工单。', next: '请核对工单编号，或返回收件箱查找。' },
  'ticket.stale': { what: '这张工单刚刚有人办理过。', next: '请看下面列出的变化，再决定是否提交。' },
  'ticket.record_stale': { what: '这条记录刚刚有人改过。', next: '请重新载入后再办理。' },
  'ticket.action_not_possible': { what: '工单当前的状态不能这样办理。', next: '请重新载入，看最新状态下可以做什么。' },
  'ticket.action_not_allowed': { what: '您的角色不能这样办理。', next: '请交由有权限的人员办理。' },
  'ticket.other_unit': { what: '这张工单由其他单位办理。', next: '本单位只能查看和办理自己承办的工单。' },
  'ticket.other_side': { what: '这一步由另一方办理。', next: '请交由对方单位办理。' },
  'ticket.detail_missing': { what: '还有必填的内容没有填写。', next: '请填写后重新提交。' },
  'ticket.same_person': { what: '审核人和填写答复的人不能是同一人。', next: '请由单位另一位负责人审核。' },
  'ticket.citizen_not_answered': { what: '还没有答复诉求人的记录。', next: '请先登记联系诉求人的情况，再提交审核。' },
  'ticket.caller_confidential': { what: '诉求人要求保密。', next: '请用隐号通话联系，或由中心答复。' },
  'ticket.contact_when': { what: '联系时间不对。', next: '请填写登记之后、现在之前的时间。' },
  'ticket.unit_not_found': { what: '没有这个单位。', next: '请从列表中选择。' },
  'ticket.ruling_pending': { what: '职责裁定还没有结果。', next: '请等裁定登记后再派单。' },
  'ticket.ruling_binds': { what: '已有职责裁定，须按裁定派单。', next: '请派给裁定的单位。' },
  'ticket.extension_too_late': { what: '已过申请延期的时间。', next: '请尽快办理并答复。' },
  'ticket.too_many_extensions': { what: '延期次数已用完。', next: '请报告召开专题协调会。' },
  'ticket.extension_unsigned': { what: '这次延期要先由分管领导签批。', next: '请等签批后再审核。' },
  'ticket.overdue_cause_missing': { what: '答复已超期，要说明原因。', next: '请选择超期原因后重新提交。' },
  'ticket.nobody_took_it': { what: '紧急事项要写明电话通知了谁。', next: '请填写接收人姓名和职务。' },
  'ticket.deadline_passed': { what: '督办期限已经过去。', next: '请填写以后的时间。' },
  'ticket.not_tried_enough': { what: '呼叫诉求人的次数或天数还不够，不能登记为未接通。', next: '请改天再呼叫；次数和天数按办理政策（国家标准：两天里三次）。' },
  'ticket.detail_unexpected': { what: '有的内容与所选的结果不符。', next: '没有接通或没有评价的，请不要填写满意度和诉求人的说法。' },
  'ticket.not_to_close': { what: '诉求人不满意，还不能办结。', next: '请发回重办，或提请审计认定答复是否合法合规。' },
  'ticket.unreachable_not_told': { what: '没有接通的诉求人还没有用短信告知。', next: '请等短信发出，或登记已告知，再办结。' },
  'ticket.not_dissatisfied': { what: '诉求人没有表示不满意，无须认定。', next: '请直接办结。' },
  'ticket.finding_stands': { what: '这次办理已经提请过认定。', next: '请看认定的结果。' },
  'ticket.lead_part': { what: '主办单位的步骤在工单上办理。', next: '请使用页面上方的办理按钮。' },
})
