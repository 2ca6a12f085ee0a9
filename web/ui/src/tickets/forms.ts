/** The small forms of the workbench, one for every action: which fields, which are needed, what is sent where. Pure. */

import {
  CONFIDENTIALITY,
  CONTACT_OUTCOMES,
  CONTACT_WAYS,
  OVERDUE_CAUSES,
  REFUSAL_GROUNDS,
  SATISFACTION,
  SUPERVISION_FORMS,
  SUPERVISION_GROUNDS,
  TYPES,
  URGENCIES,
  VISIT_OUTCOMES,
  type Choices,
} from './words'
import type { Ticket } from './types'

export type Kind = 'line' | 'text' | 'choice' | 'yes-no' | 'moment' | 'day' | 'unit' | 'units' | 'category'

export interface Field {
  name: string
  label: string
  kind: Kind
  needed?: boolean
  hint?: string
  choices?: Choices
}

/** What a field holds: text, or the ids of units. */
export type Value = string | string[]
export type Values = Record<string, Value>

export interface Form {
  title: string
  /** Of the button that sends it. */
  send: string
  fields: readonly Field[]
  method: 'post' | 'patch'
  /** Below the ticket's own path. */
  path: string
  /** What is sent, without the version. */
  body: (values: Values, ticket: Pick<Ticket, 'registered_at'>) => Record<string, unknown>
  /** Whether it needs no version: something new beside the ticket. */
  fresh?: boolean
}

const NOTE: Field = { name: 'note', label: '说明', kind: 'text' }
const needed = (label: string, hint?: string): Field => ({ name: 'note', label, kind: 'text', needed: true, ...(hint ? { hint } : {}) })
const BASIS: Field = { name: 'basis', label: '依据', kind: 'text', needed: true, hint: '法律法规、三定方案或派单目录的规定' }
const CAUSE: Field = { name: 'overdue_cause', label: '超期原因', kind: 'choice', choices: OVERDUE_CAUSES, hint: '只在已超期时填写' }
const HEARD: readonly Field[] = [
  { name: 'contacted', label: '单位是否联系过诉求人', kind: 'yes-no' },
  { name: 'solved', label: '问题是否解决', kind: 'yes-no' },
]

/** A value as the line takes it: ids as numbers, yes and no as such, moments with their zone; '' as nothing. */
export function sent(field: Field, value: Value | undefined): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(Number)
  const text = (value ?? '').trim()
  if (text === '') return undefined
  if (field.kind === 'unit') return Number(text)
  if (field.kind === 'yes-no') return text === 'yes'
  if (field.kind === 'moment') return new Date(`${text}:00+08:00`).toISOString()
  return text
}

/** What a form's fields say, by name; an empty one is left out. */
export function all(fields: readonly Field[], values: Values): Record<string, unknown> {
  const pairs = fields.map((field) => [field.name, sent(field, values[field.name])] as const)
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined))
}

/** What of a form is still missing, by field. */
export function missing(form: Pick<Form, 'fields'>, values: Values): Record<string, string> {
  const found: Record<string, string> = {}
  for (const field of form.fields) {
    if (field.needed && sent(field, values[field.name]) === undefined) found[field.name] = `请填写${field.label}`
  }
  return found
}

/** Which field the line means: it names `body.note`, `body.supervision.deadline`. */
export function fieldOf(form: Pick<Form, 'fields'>, where: string): string | null {
  const names = where.split('.').reverse()
  return names.find((name) => form.fields.some((field) => field.name === name)) ?? null
}

function act(action: string, title: string, send: string, fields: readonly Field[]): Form {
  return { title, send, fields, method: 'post', path: '/actions', body: (values) => ({ action, ...all(fields, values) }) }
}

function beside(path: string, title: string, send: string, fields: readonly Field[]): Form {
  return { title, send, fields, method: 'post', path, body: (values) => all(fields, values), fresh: true }
}

const AMENDED: readonly Field[] = [
  { name: 'title', label: '标题', kind: 'line', needed: true },
  { name: 'content', label: '内容', kind: 'text' },
  { name: 'type', label: '类型', kind: 'choice', choices: TYPES, needed: true },
  { name: 'category', label: '事项分类', kind: 'category' },
  { name: 'urgency', label: '紧急程度', kind: 'choice', choices: URGENCIES, needed: true },
  { name: 'confidentiality', label: '公开程度', kind: 'choice', choices: CONFIDENTIALITY, needed: true },
]

const REFUSED: readonly Field[] = [
  { name: 'ground', label: '不予受理的情形', kind: 'choice', choices: REFUSAL_GROUNDS, needed: true },
  needed('理由'),
  { name: 'basis', label: '依据', kind: 'line', hint: '不填则用该情形的规定' },
  { name: 'guidance', label: '引导诉求人去哪里', kind: 'text', hint: '不填则用该情形的引导' },
]

const ORDERED: readonly Field[] = [
  { name: 'ground', label: '督办情形', kind: 'choice', choices: SUPERVISION_GROUNDS, needed: true },
  { name: 'form', label: '督办方式', kind: 'choice', choices: SUPERVISION_FORMS, needed: true },
  { name: 'deadline', label: '回复期限', kind: 'moment', needed: true },
  { name: 'unit_id', label: '督办单位', kind: 'unit', hint: '不选则为主办单位' },
]
const ORDER_WORDS = needed('督办要求')

/** By the names the line gives in `possible`. */
export const TICKET_FORMS: Readonly<Record<string, Form>> = {
  amend: {
    title: '修改登记',
    send: '保存修改',
    fields: AMENDED,
    method: 'patch',
    path: '',
    body: (values) => ({ changes: all(AMENDED, values) }),
  },
  answer: {
    title: '直接答复',
    send: '答复并办结',
    fields: [{ name: 'answer', label: '答复内容', kind: 'text', needed: true }],
    method: 'post',
    path: '/answer',
    body: (values) => ({ answer: values.answer }),
  },
  accept: act('accept', '受理', '受理', [{ name: 'law_enforcement', label: '是否属行政执法事项', kind: 'yes-no' }, NOTE]),
  refuse: { title: '不予受理', send: '不予受理', fields: REFUSED, method: 'post', path: '/refuse', body: (values) => all(REFUSED, values) },
  split: {
    title: '拆单',
    send: '拆出一件',
    fields: [
      { name: 'title', label: '拆出事项的标题', kind: 'line', needed: true },
      { name: 'content', label: '拆出事项的内容', kind: 'text', needed: true },
      NOTE,
    ],
    method: 'post',
    path: '/split',
    body: ({ title, content, note }) => ({ matters: [{ title, content }], ...(note ? { note } : {}) }),
  },
  merge: {
    title: '并单',
    send: '并入主单',
    fields: [{ name: 'parent', label: '主单编号', kind: 'line', needed: true }, NOTE],
    method: 'post',
    path: '/merge',
    body: ({ parent, note }) => ({ parent: String(parent).trim().toUpperCase(), ...(note ? { note } : {}) }),
  },
  unmerge: act('unmerge', '取消并单', '取消并单', [needed('理由')]),
  take_reply: act('take_reply', '采用主单答复', '采用主单答复', [NOTE]),
  dispatch: act('dispatch', '派单', '派单', [
    { name: 'lead_unit', label: '主办单位', kind: 'unit', needed: true },
    { name: 'assisting_units', label: '协办单位', kind: 'units' },
    { name: 'note', label: '派单说明', kind: 'text' },
    { name: 'handed_over_to', label: '电话接收人及职务', kind: 'line', hint: '紧急事项先电话通知单位，再派单' },
    { name: 'handed_over_at', label: '电话通知时间', kind: 'moment' },
  ]),
  recall: act('recall', '撤回派单', '撤回', [needed('撤回理由')]),
  sign_for: act('sign_for', '签收', '签收', [NOTE]),
  return: act('return', '退单', '申请退单', [needed('退单理由'), BASIS]),
  agree_return: act('agree_return', '同意退单', '同意退单', [NOTE]),
  refuse_return: act('refuse_return', '不同意退单', '不同意退单', [needed('理由')]),
  extend: act('extend', '申请延期', '申请延期', [needed('延期理由')]),
  sign_extension: act('sign_extension', '签批延期', '签批', [NOTE]),
  grant_extension: act('grant_extension', '同意延期', '同意延期', [NOTE]),
  refuse_extension: act('refuse_extension', '不同意延期', '不同意延期', [needed('理由')]),
  meet: act('meet', '专题协调会', '登记会议', [{ name: 'convener', label: '召集人', kind: 'line', needed: true }, needed('会议情况')]),
  reply: act('reply', '答复', '提交审核', [needed('答复内容', '办理经过、结果、依据；不写诉求人的姓名和号码')]),
  approve_reply: act('approve_reply', '审核通过答复', '审核通过', [{ ...NOTE, label: '审核意见' }, CAUSE]),
  reject_reply: act('reject_reply', '退回修改答复', '退回修改', [needed('退回理由')]),
  supervise: {
    title: '督办',
    send: '发出督办',
    fields: [...ORDERED, ORDER_WORDS],
    method: 'post',
    path: '/actions',
    body: (values) => ({ action: 'supervise', note: values.note, supervision: all(ORDERED, values) }),
  },
  urge: act('urge', '催办', '催办', [needed('催办内容')]),
  supplement: act('supplement', '补充', '补充', [needed('补充内容')]),
  visit: act('visit', '回访', '登记回访', [
    { name: 'outcome', label: '回访结果', kind: 'choice', choices: VISIT_OUTCOMES, hint: '不选则为已接通' },
    ...HEARD,
    { name: 'satisfaction', label: '满意度', kind: 'choice', choices: SATISFACTION, hint: '诉求人的原话' },
    needed('回访情况'),
  ]),
  rehandle: act('rehandle', '重办', '发回重办', [needed('重办理由')]),
  close: act('close', '办结', '办结', [NOTE]),
  evaluate: act('evaluate', '评价', '登记评价', [
    { name: 'satisfaction', label: '满意度', kind: 'choice', choices: SATISFACTION, needed: true },
    ...HEARD,
    NOTE,
  ]),
  archive: act('archive', '归档', '归档', [NOTE]),
}

const CONTACTED: readonly Field[] = [
  { name: 'way', label: '联系方式', kind: 'choice', choices: CONTACT_WAYS.slice(0, -1), needed: true },
  { name: 'at', label: '联系时间', kind: 'moment', needed: true },
  { name: 'by', label: '联系人', kind: 'line', needed: true, hint: '单位里和诉求人沟通的人' },
  { name: 'outcome', label: '结果', kind: 'choice', choices: CONTACT_OUTCOMES, needed: true },
  { name: 'note', label: '告知的内容', kind: 'text' },
]
/** Evidence that the citizen was answered (双向答复). */
export const CONTACT: Form = {
  ...beside('/contacts', '登记联系诉求人', '登记', CONTACTED),
  body: (values, ticket) => ({ ...all(CONTACTED, values), at: notBefore(values.at, ticket.registered_at) }),
}

/** A moment is given to the minute: within the minute of the registration it is that of the registration. */
function notBefore(value: Value | undefined, registered: string): unknown {
  const given = sent({ name: 'at', label: '', kind: 'moment' }, value)
  const first = new Date(registered)
  return given === first.toISOString().replace(/:\d\d\.\d+Z$/, ':00.000Z') ? registered : given
}

export const QUESTION: Form = beside('/questions', '请诉求人补充', '提出', [
  { name: 'words', label: '需要补充什么', kind: 'text', needed: true },
])

export const STATUTORY: Form = beside('/statutory-procedures', '反馈法定程序', '反馈', [
  {
    name: 'kind',
    label: '类别',
    kind: 'choice',
    needed: true,
    choices: [
      ['limit', '法律法规规章规范性文件另有办理时限'],
      ['filing', '须履行立案程序'],
    ],
  },
  { name: 'basis', label: '法律依据', kind: 'text', needed: true, hint: '写到条款' },
  { name: 'entered_on', label: '进入程序的日期', kind: 'day', needed: true },
  { name: 'ends_on', label: '法定时限的最后一天', kind: 'day', needed: true },
  { name: 'document', label: '立案号或文号', kind: 'line' },
  { name: 'words', label: '说明', kind: 'text' },
  CAUSE,
])

export const MAJEURE: Form = beside('/force-majeure', '申请不可抗力认定', '申请', [
  { name: 'facts', label: '什么情况妨碍了办理', kind: 'text', needed: true },
])

export const FINDING: Form = beside('/findings', '提请答复合规认定', '提请', [
  { name: 'facts', label: '诉求人的意见与事实', kind: 'text', needed: true },
])

export const MEETING: Form = beside('/meetings', '报告协调会议', '报告', [
  {
    name: 'kind',
    label: '会议',
    kind: 'choice',
    needed: true,
    choices: [
      ['special', '专题协调会'],
      ['joint', '联席会议'],
    ],
  },
  { name: 'report', label: '为什么开会', kind: 'text', needed: true },
  { name: 'units', label: '涉及单位', kind: 'units' },
])

export const REPEAT: Form = beside('/repeats', '关联重复诉求', '关联', [
  { name: 'earlier', label: '以前已办结的工单编号', kind: 'line', needed: true },
  NOTE,
])

const WITH_NOTE = (title: string, label: string, isNeeded: boolean): ((path: string, action: string) => Form) => {
  const fields: readonly Field[] = [{ name: 'note', label, kind: 'text', needed: isNeeded }]
  return (path, action) => ({ ...act(action, title, title, fields), path })
}

/** What is done to a record beside the ticket: by kind of record and the line's action. */
const RECORD_FORMS: Readonly<Record<string, Readonly<Record<string, (path: string, action: string) => Form>>>> = {
  questions: { answer: WITH_NOTE('登记补充', '诉求人补充的内容', true), withdraw: WITH_NOTE('撤回询问', '说明', false) },
  'force-majeure': { acknowledge: WITH_NOTE('认定不可抗力', '认定意见', true), refuse: WITH_NOTE('不予认定', '理由', true) },
  'statutory-procedures': {
    accept: WITH_NOTE('认可', '说明', false),
    refuse: WITH_NOTE('不予认可', '理由', true),
    prolong: (path, action) => ({
      ...act(action, '依法延长', '依法延长', [{ name: 'ends_on', label: '新的最后一天', kind: 'day', needed: true }, needed('依据')]),
      path,
    }),
  },
  findings: {
    find_compliant: (path, action) => ({ ...act(action, '认定合法合规', '认定', [needed('认定意见'), BASIS]), path }),
    find_not_compliant: (path, action) => ({ ...act(action, '认定不合法合规', '认定', [needed('认定意见'), BASIS]), path }),
    withdraw: WITH_NOTE('撤回认定', '理由', true),
  },
  rulings: {
    submit: (path, action) => ({
      ...act(action, '提请裁定', '提请', [
        {
          name: 'authority',
          label: '提请的机关',
          kind: 'choice',
          needed: true,
          choices: [
            ['staffing', '机构编制部门'],
            ['justice', '司法行政部门'],
            ['government', '同级政府'],
          ],
        },
        needed('争议情况'),
      ]),
      path,
    }),
    rule: (path, action) => ({
      ...act(action, '登记裁定', '登记', [
        { name: 'unit', label: '裁定的承办单位', kind: 'unit', needed: true },
        { name: 'ruled_by', label: '裁定人或会议', kind: 'line', needed: true },
        { name: 'document', label: '文号', kind: 'line', needed: true },
        NOTE,
      ]),
      path,
    }),
  },
  meetings: {
    convene: (path, action) => ({
      ...act(action, '召集会议', '召集', [
        { name: 'convener', label: '召集人', kind: 'line', needed: true },
        { name: 'held_at', label: '会议时间', kind: 'moment', needed: true },
        { name: 'units', label: '参会单位', kind: 'units' },
        NOTE,
      ]),
      path,
    }),
    conclude: (path, action) => ({
      ...act(action, '登记会议结果', '登记', [{ name: 'convener', label: '召集人', kind: 'line' }, needed('会议结果')]),
      path,
    }),
    cancel: WITH_NOTE('取消会议', '理由', true),
  },
  parts: {
    sign_for: WITH_NOTE('签收', '说明', false),
    hand_down: (path, action) => ({ ...act(action, '向下交办', '交办', [{ name: 'units', label: '交办给', kind: 'units', needed: true }, NOTE]), path }),
    return: (path, action) => ({ ...act(action, '退单', '申请退单', [needed('退单理由'), BASIS]), path }),
    agree_return: WITH_NOTE('同意退单', '说明', false),
    refuse_return: WITH_NOTE('不同意退单', '理由', true),
    reply: (path, action) => ({ ...act(action, '反馈', '反馈', [needed('反馈内容'), CAUSE]), path }),
    take: WITH_NOTE('采纳', '说明', false),
    send_back: WITH_NOTE('退回重做', '理由', true),
    withdraw: WITH_NOTE('撤销', '理由', true),
  },
  supervisions: { answer: WITH_NOTE('回复督办', '回复内容', true), reject_answer: WITH_NOTE('退回重新回复', '理由', true), lift: WITH_NOTE('解除督办', '理由', true) },
}

/** The form of a record's action, at the record's own path below the ticket; null where this page has none. */
export function recordForm(kind: string, id: number, action: string): Form | null {
  return RECORD_FORMS[kind]?.[action]?.(`/${kind}/${id}/actions`, action) ?? null
}

/** What stands in a form when it opens. */
export function begun(form: Form, ticket: Ticket, now: string): Values {
  const values: Values = {}
  for (const field of form.fields) {
    if (form === TICKET_FORMS.amend) values[field.name] = String(ticket[field.name as keyof Ticket] ?? '')
    else if (field.kind === 'units') values[field.name] = []
    else values[field.name] = form === CONTACT && field.name === 'at' ? now : ''
  }
  return values
}
