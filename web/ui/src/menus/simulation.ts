/** A simulated call as far as the keys pressed so far: the server plays to the end, the page stops where it is asked. */
import type { Simulated, Step } from './types'
import { END_NAMES, WHY_NAMES } from './words'

/** A node that was left, and by which branch. */
export interface Left {
  flow: string
  node: string
  branch: string
}

export function leftOf(path: string): Left {
  const [place = '', branch = ''] = path.split(': ')
  const dot = place.indexOf('.')
  return { flow: place.slice(0, dot), node: place.slice(dot + 1), branch }
}

export interface Heard {
  steps: Step[]
  /** The node that waits for a key now; null: the call has come to its end. */
  asking: { flow: string; node: string } | null
  lit: Left[]
}

/** `whole`: to the end all the same, as a test case is shown. */
export function heardSoFar(played: Simulated, whole = false): Heard {
  const left = played.path.map(leftOf)
  const { asked } = played
  if (!asked || whole) return { steps: played.transcript, asking: null, lit: left }
  return {
    steps: played.transcript.slice(0, asked.told),
    asking: { flow: asked.flow, node: asked.node },
    lit: left.slice(0, asked.left),
  }
}

/** Keys one after the other as one line: a caller who keys a number in is one line, not fourteen. */
export function grouped(steps: Step[]): Step[] {
  const found: Step[] = []
  for (const step of steps) {
    const last = found.at(-1)
    if (last?.what === 'key' && step.what === 'key' && last.node === step.node && last.flow === step.flow) {
      found[found.length - 1] = { ...last, text: last.text + step.text }
    } else found.push(step)
  }
  return found
}

/** Where the call ended, in words. */
export function endWords(played: Simulated): string {
  const end = END_NAMES[played.at] ?? played.at
  const why = played.why && played.why !== 'queue' ? `（${WHY_NAMES[played.why] ?? played.why}）` : ''
  return `${end}${played.of ? ` ${played.of}` : ''}${why}`
}

/** The ids of nodes and of branches (`node/branch`) that a call went through in this flow. */
export function litIn(flow: string, heard: Heard): Set<string> {
  const lit = new Set<string>()
  for (const one of heard.lit) {
    if (one.flow !== flow) continue
    lit.add(one.node)
    lit.add(`${one.node}/${one.branch}`)
  }
  if (heard.asking?.flow === flow) lit.add(heard.asking.node)
  return lit
}
