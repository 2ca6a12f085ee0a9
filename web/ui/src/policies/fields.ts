/** The table of rules (`TicketPolicy` in `ticketing/policy.py`): what each is called, counted in, and taken from. */

import { SATISFACTION, TYPES, type Choices } from '@/tickets/words'

interface Common {
  name: string
  label: string
  /** The regulation it is from, or that the number is nobody's but ours. */
  source: string
  hint?: string
}

export interface NumberField extends Common {
  kind: 'number'
  unit: string
}

export interface ChoiceField extends Common {
  kind: 'choice'
  choices: Choices
}

export interface SetField extends Common {
  kind: 'set'
  choices: Choices
}

/** `fixed` is shown and not edited. */
export type Field = NumberField | ChoiceField | SetField | (Common & { kind: 'flag' | 'categories' | 'grounds' | 'fixed' })

export interface Group {
  title: string
  /** What is to be known of all its rules. */
  remark?: string
  fields: readonly Field[]
}

const OURS = '规定未定，本系统建议'

function th(article: string): string {
  return `通化规定第${article}条`
}

function number(name: string, label: string, unit: string, source: string, hint?: string): NumberField {
  return { kind: 'number', name, label, unit, source, ...(hint ? { hint } : {}) }
}

export const GROUPS: readonly Group[] = [
  {
    title: '办理时限',
    fields: [
      number('general_days', '一般事项办结', '工作日', th('十六')),
      number('urgent_hours', '紧急事项办结', '小时', th('十六'), '从电话交办起连续计算'),
      number('statutory_days', '有法定程序的事项进入程序', '工作日', th('十六')),
      number('return_days', '退单申请', '工作日', th('十五'), '从派到单位起；超过的按逾期计'),
      number('sign_days', '签收', '工作日', `${th('二十九')}第（一）项；天数${OURS}`),
      number('supervision_days', '逾期督办的回复', '工作日', `${th('十八')}；天数${OURS}`),
      number('question_days', '诉求人回答补充询问', '工作日', OURS, '到期未答，单位按已有情况继续办理'),
      { kind: 'flag', name: 'question_pauses', label: '补充询问期间一般事项暂停计时', source: '规定没有这种暂停' },
      number('warn_percent', '临期提醒，时限已用去', '%', OURS),
      { kind: 'fixed', name: 'zone', label: '计时所用时间', source: '全国统一用北京时间' },
    ],
  },
  {
    title: '延期',
    fields: [
      number('extension_days', '每次延期', '工作日', th('十六')),
      number('most_extensions', '最多延期', '次', th('十六'), '同一事项重办后不重新计数'),
      number('signed_from', '须分管领导签字，从延期第几次起', '次', th('十六')),
      number('ask_before_days', '申请须早于到期日', '天', th('十六')),
      {
        kind: 'choice', name: 'ask_before_count', label: '上一项的天数按', source: th('十六'),
        choices: [['calendar', '自然日'], ['working', '工作日']],
      },
    ],
  },
  {
    title: '即时转办',
    fields: [
      { kind: 'set', name: 'pass_on_types', label: '即时转办的诉求类型', choices: TYPES, source: '三门峡市规定一（二）2' },
      {
        kind: 'categories', name: 'pass_on_categories', label: '即时转办的行政执法分类', source: '三门峡市规定一（二）2',
        hint: '包括所选分类的下级',
      },
      number('pass_on_minutes', '转办时限', '分钟', '三门峡市规定一（二）2'),
    ],
  },
  {
    title: '自动派单',
    remark: '举报件和保密件从不自动派单。',
    fields: [
      { kind: 'flag', name: 'auto_dispatch', label: '按派单目录自动派单', source: OURS },
      number('auto_dispatch_percent', '把握不低于', '%', OURS),
      {
        kind: 'flag', name: 'auto_dispatch_urgent', label: '紧急事项也自动派单', source: OURS,
        hint: '无人电话交办，时限从派单起算',
      },
    ],
  },
  {
    title: '职责裁定与归档',
    fields: [
      number('ruling_from_return', '由其他部门裁定职责，从退单第几次起', '次', `${th('十六')}；次数${OURS}`),
      number('archive_minutes', '当日办结的归档，在零点前', '分钟', `${th('十九')}；分钟数${OURS}`, '自施行日起适用于全部工单'),
    ],
  },
  {
    title: '不予受理',
    fields: [
      {
        kind: 'grounds', name: 'refusal_grounds', label: '本市另加的情形', source: `${th('十')}七种情形之外`,
        hint: '统计时归入七种情形之一',
      },
    ],
  },
  {
    title: '重复诉求',
    fields: [
      number('duplicate_days', '查找疑似重复的在办工单，回溯', '天', OURS),
      number('duplicate_percent', '疑似重复的提示，相似度不低于', '%', OURS),
      number('repeat_days', '查找同一事项的已办结工单，回溯', '天', OURS),
      { kind: 'set', name: 'repeat_types', label: '反复投诉举报的诉求类型', choices: TYPES, source: `${th('二十九')}第（七）项` },
      number('repeat_months', '反复投诉举报的认定，连续', '个月', `${th('二十九')}第（七）项`),
    ],
  },
  {
    title: '回访与满意',
    fields: [
      number('visit_attempts', '认定未接通，至少拨打', '次', OURS),
      number('visit_attempt_days', '上述拨打分布，至少', '天', OURS),
      { kind: 'set', name: 'satisfied', label: '计为满意的评价', choices: SATISFACTION, source: th('十九') },
    ],
  },
  {
    title: '个人信息保存期限',
    remark: '自施行日起适用于全部已办结工单和来电，包括以前的；到期即删除，不能恢复。',
    fields: [
      number('caller_days', '诉求人姓名和号码', '天', `个人信息保护法第十九条；天数${OURS}`),
      number('address_days', '诉求地址', '天', `个人信息保护法第十九条；天数${OURS}`),
      number('complete_file_days', '含诉求人信息的归档件', '天', `个人信息保护法第十九条；天数${OURS}`),
      number('call_days', '来电、回拨和留言的号码', '天', `个人信息保护法第十九条；天数${OURS}`),
    ],
  },
]

export const FIELDS: readonly Field[] = GROUPS.flatMap((group) => group.fields)

/** Rules of data that are erased for good. */
export const KEPT: ReadonlySet<string> = new Set(['caller_days', 'address_days', 'complete_file_days', 'call_days'])
