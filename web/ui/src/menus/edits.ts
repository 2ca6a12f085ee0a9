/** Everything that can be done to a flow. A flow is never changed: each operation gives a new one. */
import type { ConditionCase, Flow, FlowNode, NodeType, Option, Prompt, Test } from './types'
import { casesOf, keysOf, optionsOf, waysOut } from './ways'

const KEYS = '123456789*#'

export function prompt(text = ''): Prompt {
  return { text, recording: null }
}

/** A node of a type as it begins: everything that has to be there is, and what can be left out is left out. */
export function freshNode(type: NodeType): FlowNode {
  const node: FlowNode = { type, note: '' }
  for (const way of waysOut({ ...node, cases: [] })) node[way.field] = null
  switch (type) {
    case 'say':
      return { ...node, prompt: prompt(), must_be_heard: false }
    case 'menu':
      return {
        ...node,
        prompt: prompt(),
        options: { '1': { label: '选项一', next: null } },
        seconds: 5,
        attempts: 2,
        wrong: null,
      }
    case 'collect':
      return {
        ...node,
        prompt: prompt(),
        variable: 'digits',
        min_digits: 1,
        max_digits: 16,
        finish: '#',
        seconds: 8,
        between_seconds: 4,
        attempts: 2,
        wrong: null,
      }
    case 'condition':
      return { ...node, cases: [{ when: freshTest('day'), next: null }] }
    case 'set':
      return { ...node, values: {}, language: null }
    case 'queue':
      return { ...node, queue: null, skills: [] }
    case 'transfer':
      return { ...node, target: '' }
    case 'emergency':
      return { ...node, number: '110' }
    case 'progress':
      return { ...node, number: 'number', code: 'code' }
    case 'knowledge':
      return { ...node, entry: '' }
    case 'subflow':
      return { ...node, flow: '' }
    case 'return':
      return { ...node, outcome: 'done' }
    case 'web':
      return { ...node, url: '', method: 'POST', seconds: 3, send: {}, save: {} }
    case 'hangup':
      return { ...node, prompt: prompt() }
  }
  return node
}

export function freshTest(test: string): Test {
  switch (test) {
    case 'time':
      return { test, opens: '08:30', closes: '17:30' }
    case 'day':
      return { test, kinds: ['workday'] }
    case 'calendar':
      return { test, first: today(), last: today() }
    case 'hours':
      return { test, of: '' }
    case 'line':
      return { test, lines: [] }
    case 'tag':
      return { test, tags: [] }
    case 'queue':
      return { test, queue: '', waiting: null, nobody_ready: true }
    case 'language':
      return { test, language: 'zh-CN' }
  }
  return { test: 'answer', variable: '', values: [] }
}

export function newFlow(flow: string, name: string): Flow {
  const nodes = { start: { ...freshNode('entry'), next: 'human' }, human: freshNode('queue') }
  return { flow, name, language: 'zh-CN', entry: 'start', nodes, cases: [] }
}

/** A name that no node has: `menu_1`. */
export function freeId(flow: Flow, type: NodeType): string {
  let number = 1
  while (`${type}_${number}` in flow.nodes) number += 1
  return `${type}_${number}`
}

/**
 * Add a node. At a way (`of` and its `field`) the new node stands between: the way leads to it, and it leads to where
 * the way led, if it leads on by `next` at all.
 */
export function addNode(flow: Flow, type: NodeType, at?: { of: string; field: string }): { flow: Flow; id: string } {
  const id = freeId(flow, type)
  const node = freshNode(type)
  const before = at && getAt(flow.nodes[at.of], at.field)
  if ('next' in node && typeof before === 'string') node.next = before
  let made: Flow = { ...flow, nodes: { ...flow.nodes, [id]: node } }
  if (at) made = connect(made, at.of, at.field, id)
  return { flow: made, id }
}

/** Take a node away: ways that led to it lead to its next one, or nowhere if it has none. The entry stays. */
export function removeNode(flow: Flow, id: string): Flow {
  const gone = flow.nodes[id]
  if (!gone || id === flow.entry) return flow
  const next = (gone.next as string | null | undefined) ?? null
  const { [id]: _, ...rest } = flow.nodes
  const nodes = mapValues(rest, (node) => relead(node, id, next === id ? null : next))
  return { ...flow, nodes }
}

const NAME = /^[a-z][a-z0-9_]{0,39}$/

/** Why a node cannot have this name; null if it can. */
export function whyNotName(flow: Flow, id: string, name: string): string | null {
  if (!NAME.test(name)) return '以小写字母开头，只用小写字母、数字和下划线，最多 40 个'
  if (name !== id && name in flow.nodes) return `已有名为“${name}”的节点`
  return null
}

/** Rename a node everywhere: where it is led to, as the entry, and in what the tests answer at it. */
export function renameNode(flow: Flow, id: string, name: string): Flow {
  if (id === name || whyNotName(flow, id, name) !== null) return flow
  const nodes: Record<string, FlowNode> = {}
  for (const [key, node] of Object.entries(flow.nodes)) nodes[key === id ? name : key] = relead(node, id, name)
  const own = (key: string): string => (key === id ? name : key === `${flow.flow}.${id}` ? `${flow.flow}.${name}` : key)
  const cases = flow.cases.map((one) => ({
    ...one,
    answers: Object.fromEntries(Object.entries(one.answers).map(([key, value]) => [own(key), value])),
  }))
  return { ...flow, nodes, cases, entry: flow.entry === id ? name : flow.entry }
}

export function connect(flow: Flow, node: string, field: string, to: string | null): Flow {
  return setField(flow, node, field, to)
}

/** Set a field of a node by its path (`options.2.label`); undefined takes an entry of a map or list away. */
export function setField(flow: Flow, node: string, field: string, value: unknown): Flow {
  const present = flow.nodes[node]
  if (!present) return flow
  return { ...flow, nodes: { ...flow.nodes, [node]: setAt(present, field.split('.'), value) as FlowNode } }
}

export function setFlow(flow: Flow, part: Partial<Pick<Flow, 'name' | 'language' | 'entry' | 'cases'>>): Flow {
  return { ...flow, ...part }
}

/** Make a node one of another type; what both types have stays. */
export function changeType(flow: Flow, id: string, type: NodeType): Flow {
  const old = flow.nodes[id]
  if (!old || old.type === type || old.type === 'entry' || type === 'entry') return flow
  const node = freshNode(type)
  for (const field of ['note', 'prompt', 'next', 'on_failure', 'on_timeout', 'on_wrong', 'wrong']) {
    if (field in node && old[field] !== undefined && old[field] !== null) node[field] = old[field]
  }
  return { ...flow, nodes: { ...flow.nodes, [id]: node } }
}

/** Add the first key that is free; the flow as it is when none is. */
export function addOption(flow: Flow, id: string): Flow {
  const node = flow.nodes[id]
  const key = node && [...KEYS].find((one) => !(one in optionsOf(node)))
  return key ? setField(flow, id, `options.${key}`, { label: `选项${key}`, next: null } satisfies Option) : flow
}

/** Give an option another key; if that is taken, both change places. */
export function changeKey(flow: Flow, id: string, from: string, to: string): Flow {
  const node = flow.nodes[id]
  if (!node || from === to) return flow
  const { [from]: moved, [to]: other, ...rest } = optionsOf(node)
  if (!moved) return flow
  return setField(flow, id, 'options', { ...rest, [to]: moved, ...(other ? { [from]: other } : {}) })
}

export function addCase(flow: Flow, id: string, test = 'day'): Flow {
  const node = flow.nodes[id]
  if (!node) return flow
  return setField(flow, id, 'cases', [...casesOf(node), { when: freshTest(test), next: null } satisfies ConditionCase])
}

/** Move a way before or behind its neighbour: keys change places, cases their order. Other ways have no order. */
export function moveWay(flow: Flow, id: string, field: string, by: 1 | -1): { flow: Flow; field: string } {
  const node = flow.nodes[id]
  const [word, which] = field.split('.')
  if (node && word === 'options') {
    const keys = keysOf(node)
    const other = keys[keys.indexOf(which as string) + by]
    if (other) return { flow: changeKey(flow, id, which as string, other), field: `options.${other}.next` }
  }
  if (node && word === 'cases') {
    const cases = [...casesOf(node)]
    const from = Number(which)
    const to = from + by
    if (cases[to]) {
      ;[cases[from], cases[to]] = [cases[to] as ConditionCase, cases[from] as ConditionCase]
      return { flow: setField(flow, id, 'cases', cases), field: `cases.${to}.next` }
    }
  }
  return { flow, field }
}

/** What stands at a path; undefined: nothing. */
export function getAt(part: unknown, field: string): unknown {
  return field.split('.').reduce<unknown>((here, step) => (here as Record<string, unknown> | undefined)?.[step], part)
}

function setAt(part: unknown, [step, ...rest]: string[], value: unknown): unknown {
  if (step === undefined) return value
  if (Array.isArray(part)) {
    const at = Number(step)
    if (rest.length === 0 && value === undefined) return part.filter((_, index) => index !== at)
    return part.map((one: unknown, index) => (index === at ? setAt(one, rest, value) : one))
  }
  const map = (part ?? {}) as Record<string, unknown>
  if (rest.length === 0 && value === undefined) {
    const { [step]: _, ...others } = map
    return others
  }
  return { ...map, [step]: setAt(map[step], rest, value) }
}

function relead(node: FlowNode, from: string, to: string | null): FlowNode {
  return waysOut(node)
    .filter((way) => way.to === from)
    .reduce((changed, way) => setAt(changed, way.field.split('.'), to) as FlowNode, node)
}

function mapValues<T>(map: Record<string, T>, change: (value: T) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]))
}

function today(): string {
  return new Date().toLocaleDateString('sv-SE')
}
