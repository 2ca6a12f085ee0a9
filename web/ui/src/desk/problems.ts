import type { Words } from '@/parts/problemWords'

/** What the desk's own refusals mean to an agent. */
export const PROBLEMS: Record<string, Words> = {
  'agent.reason_missing': { what: '示忙要说明原因。', next: '请选择一个原因。' },
  'agent.reason_unknown': { what: '没有这个示忙原因。', next: '请从列表中选择。' },
  'agent.extension_missing': { what: '没有可用的分机。', next: '请选择桌面话机并填写分机号。' },
  'talk.target_missing': { what: '没有选择转接对象。', next: '请先在转接面板里选择。' },
  'talk.not_now': { what: '当前通话状态不能这样操作。', next: '请看状态栏的提示，稍后再试。' },
  'phone.seat_taken': { what: '这部分机是别的座席的，或正在使用。', next: '请换一个分机号。' },
  'call_out.not_allowed': { what: '现在不能外呼。', next: '请看提示中的可外呼时间。' },
  'ticket.not_found': { what: '没有这张工单。', next: '请核对工单编号。' },
}

/** Why a command in a talk was refused: the server's own words are for developers. */
export function refusal(code: string, detail: string): string {
  const words = PROBLEMS[code]
  return words ? `${words.what}${words.next}` : detail
}
