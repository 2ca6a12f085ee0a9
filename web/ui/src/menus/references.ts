/** What the fields of a flow refer to: queues, targets, lines, flows, recordings. Lists to choose from, no more: what
 *  cannot be read is typed in, and the validation says whether it is there. */
import { reactive } from 'vue'

import { api } from '@/api/client'

import type { Reference, Schema } from './form'
import type { LineMenu, Overview, Recording } from './types'

export interface Choice {
  value: string
  label: string
}

export interface References {
  schema: Schema | null
  of: Record<Reference, Choice[]>
  recordings: Recording[]
  lines: LineMenu[]
}

export function emptyReferences(): References {
  const of = { queue: [], target: [], flow: [], line: [], knowledge: [], variable: [], hours: [], skill: [] }
  return reactive({ schema: null, of, recordings: [], lines: [] })
}

/** The line to try a flow on: one that uses it, else the city's own. */
export function usualLine(lines: LineMenu[], flow: string): string {
  return lines.find((one) => one.flow === flow)?.line ?? '12345'
}

/** Read all of it; the schema is needed, and its failure is thrown. */
export async function load(into: References): Promise<void> {
  into.schema = (await api.get<Schema>('/api/menus/schema')).data
  const lists: Promise<void>[] = [
    list<{ queue: string; rule: { name: string } }[]>('/api/queues', (data) => {
      into.of.queue = data.map((one) => ({ value: one.queue, label: one.rule.name }))
    }),
    list<{ name: string }[]>('/api/hours/schedules', (data) => {
      into.of.hours = data.map((one) => ({ value: one.name, label: one.name }))
    }),
    list<{ group: string; name: string }[]>('/api/skills', (data) => {
      into.of.skill = data.map((one) => ({ value: one.group, label: one.name }))
    }),
    list<{ key: string; name: string; kind_term: string }[]>('/api/targets', (data) => {
      into.of.target = data.map((one) => ({ value: one.key, label: `${one.name}（${one.kind_term}）` }))
    }),
    list<LineMenu[]>('/api/menus/lines', (data) => {
      into.lines = data
      into.of.line = data.map((one) => ({ value: one.line, label: one.name }))
    }),
    list<Overview[]>('/api/menus/flows', (data) => {
      into.of.flow = data.map((one) => ({ value: one.flow, label: one.name }))
    }),
    list<Recording[]>('/api/prompts/recordings', (data) => {
      into.recordings = data
    }),
  ]
  await Promise.all(lists)
}

async function list<T>(path: string, take: (data: T) => void): Promise<void> {
  try {
    take((await api.get<T>(path)).data)
  } catch {
    // The field stays a field to type in.
  }
}
