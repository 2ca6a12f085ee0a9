/** A flow as a tree to read from the top: what follows a node stands below it, what branches off stands under it. */
import type { Flow } from './types'
import { type Way, waysOut } from './ways'

/**
 * A line of the outline. `node`: the node itself, once. `link`: a way to a node that stands elsewhere. `open`: a way
 * nobody drew. `missing`: a way to a node that is not there.
 */
export interface Row {
  kind: 'node' | 'link' | 'open' | 'missing'
  /** Unique and stable while the flow keeps its shape: the way that leads here, or the node. */
  key: string
  depth: number
  /** The node it is or leads to; null for an open way. */
  node: string | null
  /** The way that leads here; null for the entry and for nodes nothing leads to. */
  from: { node: string; way: Way } | null
  /** Nothing leads to it. */
  loose: boolean
  /** Rows under it. */
  branches: number
  /** The key of the row it stands under; null at the top. */
  parent: string | null
}

/** Every node once, in the order a caller comes to them; what nothing leads to stands at the end. */
export function outline(flow: Flow): Row[] {
  const rows: Row[] = []
  const seen = new Set<string>()
  // Iterative: a flow may be a chain of two hundred nodes.
  const walk = (start: string, loose: boolean): void => {
    type Todo = { from: Row['from']; to: string | null; depth: number; parent: Row | null }
    const todo: Todo[] = [{ from: null, to: start, depth: 0, parent: null }]
    while (todo.length > 0) {
      const { from, to, depth, parent } = todo.shift() as Todo
      const node = to === null ? undefined : flow.nodes[to]
      const kind = to === null ? 'open' : !node ? 'missing' : seen.has(to) ? 'link' : 'node'
      const key = kind === 'node' ? (to as string) : `${from?.node}/${from?.way.field}`
      const row: Row = { kind, key, depth, node: to, from, loose: loose && from === null, branches: 0, parent: parent?.key ?? null }
      rows.push(row)
      if (parent) parent.branches += 1
      if (kind !== 'node' || !node) continue
      seen.add(to as string)
      const ways = waysOut(node)
      const goesOn = ways.length === 1
      todo.unshift(
        ...ways.map((way): Todo => {
          const at = { node: to as string, way }
          return goesOn ? { from: at, to: way.to, depth, parent } : { from: at, to: way.to, depth: depth + 1, parent: row }
        }),
      )
    }
  }
  if (flow.nodes[flow.entry]) walk(flow.entry, false)
  for (const id of Object.keys(flow.nodes).sort()) if (!seen.has(id)) walk(id, true)
  return rows
}

/** The rows that are seen while these are closed. */
export function visible(rows: Row[], closed: ReadonlySet<string>): Row[] {
  const hidden = new Set<string>()
  return rows.filter((row) => {
    if (row.parent !== null && (closed.has(row.parent) || hidden.has(row.parent))) {
      hidden.add(row.key)
      return false
    }
    return true
  })
}

/** The rows that have to be open for a row to be seen. */
export function above(rows: Row[], key: string): string[] {
  const byKey = new Map(rows.map((row) => [row.key, row]))
  const found: string[] = []
  let parent = byKey.get(key)?.parent ?? null
  while (parent !== null) {
    found.push(parent)
    parent = byKey.get(parent)?.parent ?? null
  }
  return found
}
