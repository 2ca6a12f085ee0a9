/** The board of live figures as a page holds it: the whole once, then what changes. */

import type { BoardBody, ChangeBody, LineEntry, QueueEntry, AgentEntry } from './types'

export interface Board {
  queues: Record<string, QueueEntry>
  agents: Record<string, AgentEntry>
  line: LineEntry | null
  /** False while no process of the line works the figures out: what is shown gets old. */
  keptUp: boolean
}

export const EMPTY: Board = { queues: {}, agents: {}, line: null, keptUp: true }

export function whole(body: BoardBody): Board {
  return {
    queues: body.queues,
    agents: body.agents,
    line: 'waiting' in body.line ? (body.line as LineEntry) : null,
    keptUp: body.kept_up,
  }
}

function merged<T extends object>(
  known: Record<string, T>,
  changed: Record<string, Partial<T>> | undefined,
  gone: readonly string[] | undefined,
): Record<string, T> {
  if (!changed && !gone) return known
  const next = { ...known }
  // A subject that is new comes with every field.
  for (const [name, fields] of Object.entries(changed ?? {})) next[name] = { ...next[name], ...fields } as T
  for (const name of gone ?? []) Reflect.deleteProperty(next, name)
  return next
}

/** The board after a change; one that comes at all shows that somebody keeps it up. */
export function after(board: Board, change: ChangeBody): Board {
  return {
    queues: merged(board.queues, change.queues, change.gone?.queues),
    agents: merged(board.agents, change.agents, change.gone?.agents),
    line: change.line ? ({ ...board.line, ...change.line } as LineEntry) : board.line,
    keptUp: true,
  }
}
