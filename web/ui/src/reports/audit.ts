/** The audit log as people read it: actions and subjects in words, what changed, filters as an address. */

import type { LocationQuery } from 'vue-router'

import type { Query } from '@/api/client'
import { dayOf } from '@/floor/intervals'
import { addProblemWords } from '@/parts/problemWords'

export interface Entry {
  seq: number
  at: string
  actor: string
  action: string
  subject: string
  before: unknown
  after: unknown
  hash: string
}

export interface Verdict {
  intact: boolean
  seq: number
  hash: string
  witnessed: number
  pending: number
  why: string
}

export interface Filters {
  from: string
  to: string
  actor: string
  action: string
  subject: string
}

/** What an action or a subject is about: the part before the first dot or colon. */
export const KINDS: Readonly<Record<string, string>> = {
  address: '登录地址',
  agent: '座席',
  assessment_method: '考核办法',
  attachment: '附件',
  audit: '审计日志',
  call: '来电',
  call_out: '外呼',
  callback: '回拨',
  calls: '通话数据',
  catalogue: '派单目录',
  channel: '渠道',
  collected: '暂存登记',
  contact: '联系人',
  do_not_call: '免打扰名单',
  duty: '值班号码',
  duty_number: '值班号码',
  erasure: '个人信息删除',
  exchange: '数据交换',
  figures: '指标',
  handover: '数据移交',
  import: '历史数据导入',
  keys: '密钥',
  knowledge: '知识',
  line: '号码',
  login: '登录',
  masked_call: '隐号通话',
  menu: '菜单',
  menu_line: '号码的菜单',
  message: '留言与消息',
  nuisance: '骚扰来电',
  partner: '对接平台',
  password: '密码',
  prompt: '提示音',
  prompts: '提示音',
  publication: '已发布通报',
  queue: '队列',
  receiver: '接收方',
  recording: '录音',
  recording_prompt: '录制的提示音',
  recordings: '录音查询',
  report: '通报',
  roster: '排班',
  round: '回访批次',
  round_item: '回访任务',
  schedule: '受理时段',
  second_step: '动态口令',
  skill_group: '技能组',
  staff: '人员',
  supervision: '班长操作',
  team: '班组',
  ticket: '工单',
  ticket_policy: '办件规则',
  tickets: '工单查询',
  unit: '承办单位',
  user: '用户',
  vulnerable: '特殊群体',
  workdays: '工作日历',
}

const DEEDS: Readonly<Record<string, string>> = {
  added: '加入',
  approved: '批准',
  archive_read: '查阅档案',
  asked: '申请',
  assigned: '安排',
  assignment_cancelled: '取消安排',
  barge: '强插',
  cancelled: '取消',
  categories_imported: '导入事项分类',
  changed: '修改',
  check: '核对通过',
  closed: '结束',
  confirmed: '绑定',
  created: '新建',
  day: '修改一天',
  disabled: '停用',
  dispatched_unattended: '自动派单',
  enabled: '启用',
  entered: '新增',
  erased: '删除',
  evidence_added: '补充证据',
  excluded: '剔除',
  exclusion_revoked: '撤销剔除',
  exported: '导出',
  fetched: '取走数据',
  flagged: '标记',
  forced: '强制改变状态',
  hang_up: '强拆',
  heard: '听取',
  held: '依法保全',
  hold_lifted: '解除保全',
  item_called: '拨打',
  item_outcome: '记录结果',
  item_skipped: '跳过',
  knowledge: '知识库',
  laid_down: '制定',
  levels: '修改技能等级',
  lifted: '解除',
  listen: '监听',
  locked: '锁定',
  made: '建立',
  mapping: '修改对照',
  marked: '登记',
  mode_cancelled: '取消受理方式的变更',
  mode_planned: '安排受理方式的变更',
  moved: '移动',
  now: '立即执行',
  opening_removed: '删除开放时段',
  opening_saved: '保存开放时段',
  ordered: '定制',
  password_given: '重设密码',
  paused: '暂停',
  picked: '指派',
  proposed: '提请发布',
  publish: '发布',
  published: '发布',
  query_code: '补发查询码',
  read: '查阅',
  receiver_removed: '删除接收方',
  receiver_saved: '保存接收方',
  recovered: '使用备用码',
  refused: '驳回',
  rehearsed: '演练',
  reject: '核对不通过',
  released: '放行',
  removed: '删除',
  replace: '修改',
  replayed: '重发',
  requested: '发起',
  reset: '重置',
  resumed: '恢复',
  retried: '重试',
  reviewed: '审核',
  rolled_back: '退回旧版',
  rotated: '更换',
  row_changed: '修改一行',
  row_entered: '新增一行',
  rows_imported: '导入目录',
  saved: '保存',
  searched: '按个人信息查找',
  sent: '发送',
  settled: '处理纠错',
  skipped: '跳过',
  sms_sent: '发送短信',
  started: '开始',
  stop: '停止',
  suspended: '暂停',
  swap_agreed: '同意换班',
  swap_approved: '批准换班',
  swap_asked: '申请换班',
  swap_refused: '不准换班',
  swap_withdrawn: '撤回换班',
  switched_off: '停用',
  switched_on: '启用',
  take_over: '接管',
  targets_saved: '保存接听点',
  tickets: '工单',
  units: '承办单位',
  unlocked: '解锁',
  unmarked: '取消登记',
  unmasked: '查看未脱敏信息',
  uploaded: '上传',
  whisper: '耳语',
  withdraw: '撤回',
  withdrawn: '撤回',
  written: '编写',
  year: '修改一年',
}

const NONE: Filters = { from: '', to: '', actor: '', action: '', subject: '' }

function kind(code: string): string {
  return KINDS[code] ?? code
}

/** `queue.saved`: `队列：保存`. */
export function actionWords(action: string): string {
  const [about = '', deed = ''] = action.split('.', 2)
  return deed ? `${kind(about)}：${DEEDS[deed] ?? deed}` : kind(about)
}

/** `queue:night`: `队列 night`. */
export function subjectWords(subject: string): string {
  const at = subject.indexOf(':')
  return at < 0 ? kind(subject) : `${kind(subject.slice(0, at))} ${subject.slice(at + 1)}`
}

export interface Change {
  field: string
  before: string
  after: string
}

function said(value: unknown): string {
  if (value === undefined || value === null) return '—'
  return typeof value === 'string' ? value : JSON.stringify(value, null, 1)
}

function fields(value: unknown): Record<string, unknown> {
  if (value === null || value === undefined) return {}
  return typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : { 内容: value }
}

/** What differs between before and after, field by field. */
export function changes({ before, after }: Entry): Change[] {
  const [was, is] = [fields(before), fields(after)]
  return [...new Set([...Object.keys(was), ...Object.keys(is)])]
    .map((field) => ({ field, before: said(was[field]), after: said(is[field]) }))
    .filter((one) => one.before !== one.after)
}

/** The filters of an address; what is no text there counts as none. */
export function filtersOf(query: LocationQuery): Filters {
  return Object.fromEntries(
    Object.keys(NONE).map((name) => [name, typeof query[name] === 'string' ? query[name] : '']),
  ) as unknown as Filters
}

/** Without what is empty. */
export function addressOf(filters: Filters): Record<string, string> {
  return Object.fromEntries(Object.entries(filters).map(([name, value]) => [name, value.trim()]).filter(([, value]) => value))
}

/** What the line is asked: whole days of the city. */
export function queryOf({ from, to, actor, action, subject }: Filters): Query {
  return { from: from && dayOf(from).from, to: to && dayOf(to).to, actor, action, subject }
}

const VERDICTS: Readonly<Record<string, string>> = {
  'audit.not_witnessed': '本机没有见证记录，或见证文件不见了。',
  'witness.broken': '见证文件被改动过。',
}

/** The verdict in a sentence. */
export function verdictWords({ intact, seq, witnessed, pending, why }: Verdict): string {
  if (intact) return `链完整：共 ${seq} 条，本机见证到第 ${witnessed} 条，另有 ${pending} 条查阅记录待入链。`
  return VERDICTS[why] ?? `链在第 ${seq} 条断开：该处的记录被改动、插入或删除。`
}

export function installWords(): void {
  addProblemWords({
    'audit.too_many_rows': { what: '符合条件的记录超过 20000 条，没有下载。', next: '请缩小日期范围或增加条件，分次下载。' },
  })
}
