/** The records beside a ticket: what kinds there are, where they are read, and how one reads in a line. Pure. */

import { dateTime, date } from '@/parts/time'

import type { TicketRecord } from './types'

export interface RecordKind {
  /** As in the paths of `recordForm`. */
  kind: string
  title: string
  /** Where they are read; `{number}` is the ticket's. */
  path: string
  query?: (number: string) => Record<string, string>
  /** What it says. */
  text: (record: TicketRecord) => string
  /** Who, when. */
  by: (record: TicketRecord) => string
  /** Further words, such as an answer. */
  more?: (record: TicketRecord) => string
}

const said = (record: TicketRecord, name: string): string => {
  const value = record[name]
  return typeof value === 'string' ? value : ''
}

export const RECORDS: readonly RecordKind[] = [
  {
    kind: 'questions',
    title: '补充询问',
    path: '/questions',
    text: (one) => said(one, 'words'),
    by: (one) => `${said(one, 'asked_by')} ${dateTime(said(one, 'asked_at'))}，请在 ${dateTime(said(one, 'due_at'))} 前补充${one.pauses === true ? '，办理时限暂停' : ''}`,
    more: (one) => (said(one, 'answer') ? `补充：${said(one, 'answer')}` : ''),
  },
  {
    kind: 'statutory-procedures',
    title: '法定程序',
    path: '/statutory-procedures',
    text: (one) => `${said(one, 'kind_term')}：${said(one, 'basis')}`,
    by: (one) => `${said(one, 'reported_by')} ${dateTime(said(one, 'reported_at'))}，${date(said(one, 'entered_on'))} 至 ${date(said(one, 'ends_on'))} ${said(one, 'document')}`,
    more: (one) => said(one, 'words'),
  },
  {
    kind: 'force-majeure',
    title: '不可抗力',
    path: '/force-majeure',
    text: (one) => said(one, 'facts'),
    by: (one) => `${said(one, 'claimed_by')} ${dateTime(said(one, 'claimed_at'))}`,
  },
  {
    kind: 'rulings',
    title: '职责裁定',
    path: '/rulings',
    text: (one) => (said(one, 'ruled_by') ? `${said(one, 'ruled_by')} ${said(one, 'document')}` : '退单争议'),
    by: (one) => dateTime(said(one, 'ruled_at') || said(one, 'asked_at')),
  },
  {
    kind: 'meetings',
    title: '协调会议',
    path: '/meetings',
    text: (one) => `${said(one, 'kind_term')}：${said(one, 'report')}`,
    by: (one) => `${said(one, 'reported_by')} ${dateTime(said(one, 'reported_at'))}`,
    more: (one) => (said(one, 'outcome') ? `结果：${said(one, 'outcome')}` : ''),
  },
  {
    kind: 'findings',
    title: '答复合规认定',
    path: '/findings',
    text: (one) => said(one, 'facts'),
    by: (one) => `${said(one, 'asked_by')} ${dateTime(said(one, 'asked_at'))}`,
    more: (one) => (said(one, 'basis') ? `依据：${said(one, 'basis')}` : ''),
  },
]

export const SUPERVISIONS: RecordKind = {
  kind: 'supervisions',
  title: '督办',
  path: '/api/supervisions',
  query: (number) => ({ number }),
  text: (one) => `${said(one, 'ground_term')}（${said(one, 'form_term')}）：${said(one, 'words')}`,
  by: (one) => `${said(one, 'raised_by')} ${dateTime(said(one, 'raised_at'))}，${dateTime(said(one, 'deadline'))} 前回复`,
  more: (one) => (said(one, 'answer') ? `回复：${said(one, 'answer')}` : ''),
}

const ACTION_NAMES: Readonly<Record<string, string>> = {
  answer: '登记补充',
  withdraw: '撤回',
  acknowledge: '认定',
  refuse: '不予认定',
  accept: '认可',
  prolong: '依法延长',
  submit: '提请裁定',
  rule: '登记裁定',
  convene: '召集',
  conclude: '登记结果',
  cancel: '取消',
  find_compliant: '认定合法合规',
  find_not_compliant: '认定不合法合规',
  reject_answer: '退回重新回复',
  lift: '解除',
}

/** The word on the button of a record's action. */
export function actionName(kind: string, action: string): string {
  if (kind === 'supervisions' && action === 'answer') return '回复'
  if (kind === 'statutory-procedures' && action === 'refuse') return '不予认可'
  return ACTION_NAMES[action] ?? action
}
