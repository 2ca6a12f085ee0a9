/** The ways out of a node: who decides that each is taken, its place in the node, and where it leads. */
import type { ConditionCase, Flow, FlowNode, NodeType, Option } from './types'
import { DAY_NAMES, TEST_NAMES, fieldWords } from './words'

export type WayKind = 'next' | 'key' | 'case' | 'silence' | 'wrong' | 'failure'

export interface Way {
  kind: WayKind
  /** Its place in the node, as findings name it: `options.2.next`. */
  field: string
  /** Null: nobody drew it, and a human takes over there. */
  to: string | null
  /** In words, for the outline and the canvas. */
  label: string
}

const KEYS = '1234567890*#'

/** The fields of each type that lead on, besides keys and cases, in the order in which people read them. */
const DRAWN: Record<NodeType, readonly string[]> = {
  entry: ['next'],
  say: ['next'],
  menu: ['on_timeout', 'on_wrong'],
  collect: ['next', 'on_timeout', 'on_wrong'],
  condition: ['otherwise'],
  set: ['next'],
  queue: [],
  transfer: ['on_failure'],
  emergency: [],
  progress: ['next', 'on_failure'],
  knowledge: ['next', 'on_failure'],
  callback: ['on_failure'],
  message: ['on_failure'],
  survey: ['next'],
  subflow: ['next'],
  return: [],
  web: ['next', 'on_failure'],
  hangup: [],
}

const KIND_OF: Record<string, WayKind> = {
  next: 'next',
  otherwise: 'case',
  on_timeout: 'silence',
  on_wrong: 'wrong',
  on_failure: 'failure',
}

export function keysOf(node: FlowNode): string[] {
  return Object.keys(optionsOf(node)).sort((one, other) => KEYS.indexOf(one) - KEYS.indexOf(other))
}

export function optionsOf(node: FlowNode): Record<string, Option> {
  return (node.options as Record<string, Option> | undefined) ?? {}
}

export function casesOf(node: FlowNode): ConditionCase[] {
  return node.type === 'condition' ? ((node.cases as ConditionCase[] | undefined) ?? []) : []
}

/** The branches of a node: keys as on a telephone, cases, then the others. */
export function waysOut(node: FlowNode): Way[] {
  const options = node.type === 'menu' ? optionsOf(node) : {}
  const keys = keysOf({ ...node, options }).map((key): Way => {
    const option = options[key] as Option
    return { kind: 'key', field: `options.${key}.next`, to: option.next, label: `按 ${key} ${option.label}` }
  })
  const cases = casesOf(node).map((one, index): Way => {
    return { kind: 'case', field: `cases.${index}.next`, to: one.next, label: testWords(one.when) }
  })
  const others = DRAWN[node.type].map((field): Way => {
    const to = (node[field] as string | null | undefined) ?? null
    return { kind: KIND_OF[field] as WayKind, field, to, label: fieldWords(node.type, field).label }
  })
  return [...keys, ...cases, ...others]
}

/** The name that visits, coverage and simulations give a way: `key 2`, `case 1`, `on_timeout`. */
export function branchOf(field: string): string {
  const [word, which] = field.split('.')
  if (word === 'options') return `key ${which}`
  if (word === 'cases') return `case ${Number(which) + 1}`
  return word as string
}

const SHORT: Record<string, string> = { otherwise: '其他', on_timeout: '不按键', on_wrong: '按错', on_failure: '失败' }

/** Several ways from one node to another as one label on the canvas: keys and cases are named, else what is left. */
export function linesLabel(ways: Pick<Way, 'field' | 'label' | 'kind'>[]): string {
  const drawn = ways.filter((way) => way.kind === 'key' || (way.kind === 'case' && way.field !== 'otherwise'))
  if (drawn.length) return drawn.map((way) => way.label.replace(/^按 /, '')).join('；')
  return ways.map((way) => SHORT[way.field] ?? '').filter(Boolean).join('、')
}

/** What else leaves a node, in words: the end of a flow, a human nobody drew, a caller who hung up. */
export function branchWords(node: FlowNode | undefined, branch: string): string {
  const fixed: Record<string, string> = { end: '到此结束', human: '转人工', hung_up: '来电人挂机', flow: '进入子流程' }
  const way = node && waysOut(node).find((one) => branchOf(one.field) === branch)
  return way?.label ?? fixed[branch] ?? branch
}

/** A test in a few words. */
export function testWords(when: { test: string; [field: string]: unknown }): string {
  const list = (value: unknown): string => (Array.isArray(value) ? value.join('、') : '')
  switch (when.test) {
    case 'time':
      return `${short(when.opens)} 至 ${short(when.closes)}`
    case 'day':
      return list((when.kinds as string[]).map((kind) => DAY_NAMES[kind] ?? kind))
    case 'calendar':
      return `${String(when.first)} 至 ${String(when.last)}`
    case 'hours':
      return `${String(when.of)} 服务时间内`
    case 'line':
      return `拨打 ${list(when.lines)}`
    case 'tag':
      return `标签 ${list(when.tags)}`
    case 'queue': {
      const said = [when.waiting ? `等候满 ${String(when.waiting)} 人` : '', when.nobody_ready ? '无人签入' : '']
      return `队列 ${String(when.queue)} ${said.filter(Boolean).join('或')}`
    }
    case 'language':
      return `语言为 ${String(when.language)}`
    case 'answer':
      return `${String(when.variable)} 为 ${list(when.values)}`
  }
  return TEST_NAMES[when.test] ?? when.test
}

/** What a node is about, in one line: what it says, or where it leads. */
export function summary(node: FlowNode): string {
  const prompt = node.prompt as { text: string; recording: string | null } | null | undefined
  if (prompt) return prompt.recording ? `录音 ${prompt.recording}` : prompt.text || '（没有提示音）'
  switch (node.type) {
    case 'queue':
      return node.queue ? `队列 ${String(node.queue)}` : '所拨号码的队列'
    case 'transfer':
      return String(node.target ?? '')
    case 'emergency':
      return String(node.number ?? '')
    case 'subflow':
      return String(node.flow ?? '')
    case 'knowledge':
      return String(node.entry ?? '')
    case 'set':
      return Object.keys((node.values as object | undefined) ?? {}).join('、') || '语言'
    case 'web':
      return String(node.url ?? '')
    case 'condition':
      return `${casesOf(node).length} 个条件`
  }
  return ''
}

/** The variables that a flow sets somewhere, by the node that does. */
export function variablesOf(flow: Flow): Map<string, string> {
  const found = new Map<string, string>()
  for (const [id, node] of Object.entries(flow.nodes)) {
    if (node.type === 'collect' && node.variable) found.set(String(node.variable), id)
    for (const field of ['values', 'save']) {
      for (const name of Object.keys((node[field] as object | undefined) ?? {})) found.set(name, id)
    }
  }
  return found
}

function short(time: unknown): string {
  return String(time ?? '').slice(0, 5)
}
