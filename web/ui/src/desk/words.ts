/** The words of the desk: codes of the server as people read them. */

import type { AgentState, Standing, TalkCommand, TalkState } from './types'

export const STATE_WORDS: Record<AgentState, string> = {
  SIGNED_OUT: '已签出',
  READY: '示闲',
  NOT_READY: '示忙',
  RESERVED: '来电预留',
  RINGING: '振铃',
  TALKING: '通话中',
  HOLD: '保持中',
  CONSULT: '咨询中',
  CONFERENCE: '三方通话',
  WRAP_UP: '话后整理',
  UNREACHABLE: '话机不可用',
}

export const TALK_WORDS: Record<TalkState, string> = {
  talking: '通话中',
  held: '市民已保持',
  in_menu: '市民在菜单中',
  consult_calling: '正在呼叫第三方',
  consult: '与第三方咨询中',
  join_calling: '正在邀请第三方',
  conference: '三方通话',
  blind_calling: '正在转接',
  passed: '已转出',
  queued: '已转回排队',
  ended: '已结束',
}

export const COMMAND_WORDS: Record<TalkCommand, string> = {
  hold: '保持',
  retrieve: '取回',
  consult: '咨询',
  three_way: '三方',
  blind: '直接转接',
  to_queue: '转座席组',
  join: '并入三方',
  leave: '退出',
  drop: '断开第三方',
  to_menu: '送菜单',
  to_survey: '送评价',
  hang_up: '挂机',
  pause: '暂停录音',
  resume: '恢复录音',
}

export const STANDING_WORDS: Record<Standing, string> = {
  free: '空闲',
  busy: '忙',
  closed: '未开放',
  failing: '近期未接通',
  unknown: '未知',
}

export const TICKET_STATES: Record<string, string> = {
  registered: '已登记',
  refused: '不予受理',
  answered: '已直接答复',
  to_dispatch: '待派单',
  merged: '已并单',
  to_sign: '待签收',
  handling: '办理中',
  return_asked: '退单待审',
  extension_asked: '延期待审',
  reply_to_review: '答复待审',
  replied: '已答复',
  visited: '已回访',
  closed: '已办结',
  archived: '已归档',
}

export const TICKET_TYPES: readonly (readonly [string, string])[] = [
  ['consult', '咨询'],
  ['help', '求助'],
  ['complaint', '投诉'],
  ['report', '举报'],
  ['suggestion', '建议'],
]

/** Why a talk is as it is, or why a third party was not reached. */
const WHYS: Record<string, string> = {
  BUSY: '对方占线',
  NO_ANSWER: '对方无人接听',
  REJECTED: '对方拒接',
  UNREGISTERED: '对方话机不在线',
  FAILED: '线路故障',
  CALLER_GONE: '市民已挂机',
  EXPIRED: '等待超时',
  AGENT_WITHDRAWN: '座席已撤回',
  dropped: '已断开第三方',
  retrieved: '已取回',
  third_gone: '第三方已挂机',
  third_silent: '第三方没有声音',
  taken_over: '班长已接管',
  held_long_enough: '保持时间已到，市民已回到通话',
  phone_lost: '话机掉线，市民正在重新接入',
  asked: '已按要求转接',
  not_reached: '未能接通',
}

export function why(code: string | undefined): string {
  return code ? (WHYS[code] ?? code) : ''
}

const OUTCOMES: Record<string, string> = {
  answered: '已接听',
  abandoned: '放弃',
  callback_promised: '承诺回拨',
  limited: '受限',
  routed: '已转出',
}

export function outcome(code: string | null): string {
  return code === null ? '进行中' : (OUTCOMES[code] ?? why(code))
}

const REASONS: Record<string, string> = {
  signed_in: '刚签入',
  no_answer: '未接来电',
  rejected: '拒接来电',
  unregistered: '话机未注册',
  in_use: '话机占用',
  busy: '话机占线',
  busy_elsewhere: '话机正被其他来电占用',
  failed: '话机故障',
  unknown: '话机状态未知',
  unreachable: '话机长时间不可用',
  agent_withdrawn: '来电已撤回',
  call_out: '外呼中',
}

/** A not-ready reason: the list's own words, or what policy put there. */
export function reason(code: string): string {
  return REASONS[code.toLowerCase()] ?? code
}

/** A number as it is dialled within the country: a landline with 0 and its area code. */
export function local(e164: string): string {
  const national = e164.replace(/^\+86/, '')
  return national === e164 || /^(1[3-9]\d{9}|[48]00\d{7})$/.test(national) ? national : `0${national}`
}

/** A caller's number as an agent reads it. */
export function number(e164: string | null): string {
  return e164 === null || e164 === '' ? '未显示号码' : local(e164)
}

/** `m:ss`, or `h:mm:ss` from an hour on. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const two = (n: number): string => String(n).padStart(2, '0')
  const minutes = Math.floor(seconds / 60)
  return minutes < 60
    ? `${minutes}:${two(seconds % 60)}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`
}
