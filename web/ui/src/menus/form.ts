/** The property panel of a node, made from the published JSON Schema: which fields there are, of which kind, in which
 *  bounds. Labels and help are the editor's own words. */
import type { NodeType } from './types'
import { fieldWords } from './words'

export type FieldKind =
  | 'prompt'
  | 'way'
  | 'options'
  | 'cases'
  | 'map'
  | 'skills'
  | 'flag'
  | 'finish'
  | 'choice'
  | 'number'
  | 'long'
  | 'reference'
  | 'text'

export interface Field {
  name: string
  kind: FieldKind
  label: string
  help: string
  /** It may be left out. */
  optional: boolean
  least?: number
  most?: number
  whole?: boolean
  longest?: number
  choices?: string[]
  /** What is referred to, for the list to choose from. */
  of?: Reference
}

export type Reference = 'queue' | 'target' | 'flow' | 'line' | 'knowledge' | 'variable' | 'hours' | 'skill'

interface Part {
  $ref?: string
  type?: string
  const?: unknown
  enum?: unknown[]
  anyOf?: Part[]
  items?: Part
  properties?: Record<string, Part>
  patternProperties?: Record<string, Part>
  minimum?: number
  exclusiveMinimum?: number
  maximum?: number
  maxLength?: number
  pattern?: string
}

export interface Schema {
  $defs: Record<string, Part>
}

const LEADS_ON = new Set(['next', 'otherwise', 'on_timeout', 'on_wrong', 'on_failure'])
const REFERS: Partial<Record<NodeType, Record<string, Reference>>> = {
  queue: { queue: 'queue' },
  transfer: { target: 'target' },
  subflow: { flow: 'flow' },
  knowledge: { entry: 'knowledge' },
  collect: { variable: 'variable' },
  progress: { number: 'variable', code: 'variable' },
}

/** Ways out stand last, the remark at the very end, and what is said first. */
const ORDER: FieldKind[] = ['prompt', 'options', 'cases', 'reference', 'text', 'map', 'skills']

function rank(field: Field): number {
  if (field.name === 'note') return 100
  if (field.kind === 'way') return 50
  if (field.name === 'wrong') return 20
  const at = ORDER.indexOf(field.kind)
  return at === -1 ? 10 : at
}

/** The fields of a type of nodes, in the order in which they are filled in. */
export function formOf(schema: Schema, type: NodeType): Field[] {
  const node = Object.values(schema.$defs).find((part) => part.properties?.type?.const === type)
  const names = Object.keys(node?.properties ?? {}).filter((name) => name !== 'type')
  const fields = names.map((name) => fieldOf(type, name, node?.properties?.[name] as Part))
  return fields
    .map((field, index) => ({ field, index }))
    .sort((one, other) => rank(one.field) - rank(other.field) || one.index - other.index)
    .map(({ field }) => field)
}

function fieldOf(type: NodeType, name: string, part: Part): Field {
  const words = fieldWords(type, name)
  const optional = (part.anyOf ?? []).some((one) => one.type === 'null')
  const core = optional ? ((part.anyOf ?? []).find((one) => one.type !== 'null') as Part) : part
  const least = core.minimum ?? core.exclusiveMinimum
  return {
    name,
    kind: kindOf(type, name, core),
    label: words.label,
    help: words.help ?? '',
    optional,
    ...(least === undefined ? {} : { least }),
    ...(core.maximum === undefined ? {} : { most: core.maximum }),
    ...(core.maxLength === undefined ? {} : { longest: core.maxLength }),
    ...(core.type === 'integer' ? { whole: true } : {}),
    ...(core.enum ? { choices: core.enum.map(String) } : {}),
    ...(REFERS[type]?.[name] ? { of: REFERS[type][name] } : {}),
  }
}

function kindOf(type: NodeType, name: string, core: Part): FieldKind {
  if (LEADS_ON.has(name)) return 'way'
  if (core.$ref?.endsWith('/Prompt')) return 'prompt'
  if (name === 'options') return 'options'
  if (name === 'cases') return 'cases'
  if (name === 'skills') return 'skills'
  if (core.patternProperties) return 'map'
  if (core.type === 'boolean') return 'flag'
  if (core.const !== undefined) return 'finish'
  if (core.enum) return 'choice'
  if (core.type === 'integer' || core.type === 'number') return 'number'
  if (name === 'note') return 'long'
  if (REFERS[type]?.[name]) return 'reference'
  return 'text'
}
