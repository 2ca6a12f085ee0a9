/** What the validation says, by node and field, and where on the page each can be mended. */
import type { Problem } from '../api/problem'
import type { Finding, Flow } from './types'

/** Where a finding is mended: a field of a node, the flow's own fields, a test case, or the published flows. */
export interface Place {
  node: string
  field: string
}

/** The fields to try, the nearest first: an input for `options.2.next` may be that of `options`. */
export function fieldsFor(field: string): string[] {
  const steps = field.split('.').filter(Boolean)
  return steps.map((_, index) => steps.slice(0, steps.length - index).join('.'))
}

/** Errors first, each in the order of the flow's outline, so that going down the list goes down the flow. */
export function inOrder(findings: Finding[], nodes: string[]): Finding[] {
  const at = new Map(nodes.map((id, index) => [id, index]))
  const rank = (one: Finding): number => (one.severity === 'error' ? 0 : 1e6) + (at.get(one.node) ?? -1)
  return [...findings].sort((one, other) => rank(one) - rank(other))
}

/** How many errors and warnings each node has; "" are the flow's. */
export function byNode(findings: Finding[]): Map<string, { errors: number; warnings: number }> {
  const found = new Map<string, { errors: number; warnings: number }>()
  for (const one of findings) {
    const counts = found.get(one.node) ?? { errors: 0, warnings: 0 }
    if (one.severity === 'error') counts.errors += 1
    else counts.warnings += 1
    found.set(one.node, counts)
  }
  return found
}

export function ofField(findings: Finding[], node: string, field: string): Finding[] {
  return findings.filter((one) => one.node === node && (one.field === field || one.field.startsWith(`${field}.`)))
}

/**
 * A text that the server could not read as a flow, as findings: `wrong` names each place as in a file
 * (`nodes.choose.options.2.label`). They block saving, and so publishing.
 */
export function unreadable(problem: Problem): Finding[] {
  const wrong = (problem.body.wrong ?? []) as { where: string; why: string }[]
  return wrong.map(({ where, why }) => {
    const steps = where.split('.')
    const node = steps[0] === 'nodes' ? (steps[1] ?? '') : ''
    const field = steps[0] === 'nodes' ? steps.slice(2).join('.') : where
    const [message = why, ...remedy] = why.replace(`${where}：`, '').split('；')
    return {
      id: `form:${where}`,
      rule: 'form',
      severity: 'error',
      node,
      field,
      message,
      remedy: remedy.join('；') || '改正后会自动保存',
    }
  })
}

/** The place in words, for the list: `按键菜单 choose`. */
export function placeWords(flow: Flow, finding: Finding, typeNames: Record<string, string>): string {
  const node = flow.nodes[finding.node]
  if (node) return `${typeNames[node.type]} ${finding.node}`
  return finding.field.startsWith('cases') ? '测试用例' : '整个流程'
}
