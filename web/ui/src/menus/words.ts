/** Menus in the words of who edits them: types of nodes, fields and what they are for. */
import type { NodeType } from './types'

export const TYPE_NAMES: Record<NodeType, string> = {
  entry: '入口',
  say: '播报',
  menu: '按键菜单',
  collect: '收号',
  condition: '条件',
  set: '赋值',
  queue: '转人工队列',
  transfer: '转接',
  emergency: '紧急转接',
  progress: '办理进度查询',
  knowledge: '知识播报',
  callback: '预约回拨',
  message: '留言',
  survey: '满意度评价',
  subflow: '子流程',
  return: '返回',
  web: '外部接口',
  hangup: '挂机',
}

/** What each type does, for whoever chooses one to add. The entry is not in it: a flow has one already. */
export const TYPE_HELP: Partial<Record<NodeType, string>> = {
  say: '播放一段话，然后继续',
  menu: '请来电人按一个键选择',
  collect: '请来电人输入一串数字，存入变量',
  condition: '按日期、时段、号码、队列等情况分路',
  set: '给变量赋值，或切换语言',
  queue: '进入人工队列等候座席接听',
  transfer: '转到目录中的单位、专席或热线',
  emergency: '立即转 110、119、120、122',
  progress: '播报工单办理进度',
  knowledge: '播报一条知识库答案',
  callback: '登记回拨，保留排队位置',
  message: '录下来电人的留言',
  survey: '请来电人评价服务',
  subflow: '进入另一个流程，办完返回',
  return: '回到上一级流程或座席',
  web: '向单位系统请求数据',
  hangup: '道别并结束通话',
}

interface FieldWords {
  label: string
  help?: string
}

const FIELDS: Record<string, FieldWords> = {
  note: { label: '备注', help: '只给编辑的人看，来电人听不到' },
  prompt: { label: '提示音', help: '来电人听到的话；可插入变量，也可改用录音' },
  wrong: { label: '按错提示', help: '按错后先说这句，再重复提示音；不设则直接重复' },
  must_be_heard: { label: '必须听完', help: '勾选后按键不能打断这段话' },
  options: { label: '按键', help: '0 键始终转人工，不必设置' },
  seconds: { label: '等待秒数', help: '提示音结束后等待按键多久' },
  between_seconds: { label: '按键间隔秒数', help: '两个数字之间最多等多久' },
  attempts: { label: '次数', help: '不按或按错时，一共给几次机会' },
  variable: { label: '变量', help: '小写字母开头，例如 ticket_number' },
  min_digits: { label: '最少位数' },
  max_digits: { label: '最多位数' },
  finish: { label: '按 # 号结束输入' },
  cases: { label: '条件', help: '从上到下，第一个成立的生效' },
  values: { label: '变量取值' },
  language: { label: '语言', help: '例如 zh-CN、en' },
  queue: { label: '队列', help: '不选则进入所拨号码自己的队列' },
  skills: { label: '所需技能' },
  target: { label: '转接对象', help: '目录中的对象，例如 line:12366' },
  number: { label: '号码' },
  code: { label: '查询码变量' },
  entry: { label: '知识条目', help: '知识库条目编号' },
  flow: { label: '子流程', help: '通话开始时已发布的版本' },
  outcome: { label: '返回结果', help: '上一级流程可按它分路' },
  url: { label: '接口地址', help: '以 https:// 开头，须在允许的名单内' },
  method: { label: '请求方式' },
  send: { label: '发送内容', help: '名称与文字；文字中可插入变量' },
  save: { label: '保存结果', help: '变量名与答复中的位置，例如 /data/state' },
  next: { label: '下一步' },
  otherwise: { label: '都不成立时' },
  on_timeout: { label: '一直不按键时' },
  on_wrong: { label: '一直按错时' },
  on_failure: { label: '失败时' },
  label: { label: '含义' },
}

/** Where a field means something else at a type than elsewhere. */
const AT_TYPE: Partial<Record<NodeType, Record<string, FieldWords>>> = {
  collect: { seconds: { label: '等待秒数', help: '提示音结束后等待第一个数字多久' } },
  web: { seconds: { label: '最长秒数', help: '超过即按失败处理' } },
  progress: { number: { label: '工单编号变量', help: '前面“收号”节点存入的变量' } },
  emergency: { number: { label: '紧急号码' } },
  say: { next: { label: '说完之后' } },
}

export function fieldWords(type: NodeType, field: string): FieldWords {
  return AT_TYPE[type]?.[field] ?? FIELDS[field] ?? { label: field }
}

export const TEST_NAMES: Record<string, string> = {
  time: '时段',
  day: '日子',
  calendar: '日期范围',
  hours: '服务时间',
  line: '拨打的号码',
  tag: '来电人标签',
  queue: '队列情况',
  language: '通话语言',
  answer: '变量的值',
}

export const TEST_FIELDS: Record<string, Record<string, FieldWords>> = {
  time: { opens: { label: '从' }, closes: { label: '到（不含）', help: '早于开始时刻则跨过午夜' } },
  day: { kinds: { label: '是这些日子' } },
  calendar: { first: { label: '首日' }, last: { label: '末日（含）' } },
  hours: { of: { label: '服务时间名称' } },
  line: { lines: { label: '号码之一', help: '多个用逗号隔开' } },
  tag: { tags: { label: '标签之一', help: '例如 repeat、vulnerable，多个用逗号隔开' } },
  queue: {
    queue: { label: '队列' },
    waiting: { label: '等候人数达到', help: '不填则不看人数' },
    nobody_ready: { label: '无人签入时' },
  },
  language: { language: { label: '语言' } },
  answer: { variable: { label: '变量' }, values: { label: '等于其中之一', help: '多个用逗号隔开' } },
}

export const DAY_NAMES: Record<string, string> = { workday: '工作日', weekend: '周末', holiday: '节假日' }

export const END_NAMES: Record<string, string> = {
  human: '人工（任何方式）',
  queue: '队列',
  transfer: '转接',
  emergency: '紧急电话',
  callback: '预约回拨',
  message: '留言',
  hangup: '挂机',
  return: '返回',
}

export const WHY_NAMES: Record<string, string> = {
  queue: '进入队列',
  asked: '来电人按键要求人工',
  timeout: '等待按键超时',
  wrong: '按键错误',
  failure: '环节执行失败',
  unset: '分支未设置去向',
  limit: '步数过多',
}

/** Variables that every flow has (ivr/variables.py). */
export const BUILT_IN: Record<string, string> = {
  line: '来电拨打的号码',
  line_name: '来电拨打的热线名称',
  language: '通话当前使用的语言',
  outcome: '最近一次子流程返回的结果',
}

export const FORM_NAMES: Record<string, string> = { words: '按文字读', digits: '逐个数字读', number: '按数量读' }

export const STANDING_NAMES: Record<string, string> = {
  in_force: '生效中',
  scheduled: '待生效',
  past: '已被取代',
  withdrawn: '已撤回',
}
