/** Where nodes are drawn. Computed from the flow alone, by dagre, and stored nowhere. */
import { Graph, layout as arrange } from '@dagrejs/dagre'
import type { Flow } from './types'
import { type WayKind, waysOut } from './ways'

export const NODE_WIDTH = 190
export const NODE_HEIGHT = 62

export interface Spot {
  id: string
  x: number
  y: number
}

export interface Line {
  id: string
  from: string
  field: string
  to: string
  kind: WayKind
  label: string
}

export interface Drawing {
  spots: Spot[]
  lines: Line[]
}

/** The drawing of a flow, however broken it is; `x` and `y` are of the upper left corner, in pixels. */
export function draw(flow: Flow): Drawing {
  const graph = new Graph({ multigraph: true })
  graph.setGraph({ rankdir: 'TB', nodesep: 28, ranksep: 64, edgesep: 16 })
  graph.setDefaultEdgeLabel(() => ({}))
  const ids = [flow.entry, ...Object.keys(flow.nodes).sort()].filter((id) => id in flow.nodes)
  for (const id of new Set(ids)) graph.setNode(id, { width: NODE_WIDTH, height: NODE_HEIGHT })
  const lines: Line[] = []
  for (const id of new Set(ids)) {
    const node = flow.nodes[id]
    for (const way of node ? waysOut(node) : []) {
      if (way.to === null || !(way.to in flow.nodes)) continue
      const line = { id: `${id}/${way.field}`, from: id, field: way.field, to: way.to, kind: way.kind, label: way.label }
      lines.push(line)
      graph.setEdge(id, way.to, {}, line.id)
    }
  }
  arrange(graph)
  const spots = [...new Set(ids)].map((id) => {
    const { x, y } = graph.node(id)
    return { id, x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 }
  })
  return { spots, lines }
}

/** The node that lies next to another in a direction, for the arrow keys on the canvas; null at the border. */
export function neighbour(spots: Spot[], id: string, direction: 'up' | 'down' | 'left' | 'right'): string | null {
  const here = spots.find((spot) => spot.id === id)
  if (!here) return spots[0]?.id ?? null
  let best: string | null = null
  let least = Infinity
  for (const spot of spots) {
    const dx = spot.x - here.x
    const dy = spot.y - here.y
    const [along, aside] = {
      up: [-dy, dx],
      down: [dy, dx],
      left: [-dx, dy],
      right: [dx, dy],
    }[direction] as [number, number]
    if (along <= 1) continue
    const far = along + 2 * Math.abs(aside)
    if (far < least) [best, least] = [spot.id, far]
  }
  return best
}
