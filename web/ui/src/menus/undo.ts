/** Undo and redo. What is typed into one field is one step, as long as nothing else happens between. */

export interface Steps<T> {
  past: T[]
  present: T
  future: T[]
  /** What the last step was about; a step about the same goes into it. "": never. */
  about: string
}

const MOST = 200

export function begin<T>(present: T): Steps<T> {
  return { past: [], present, future: [], about: '' }
}

export function done<T>(steps: Steps<T>, next: T, about = ''): Steps<T> {
  if (next === steps.present) return steps
  if (about && about === steps.about) return { ...steps, present: next, future: [] }
  return { past: [...steps.past, steps.present].slice(-MOST), present: next, future: [], about }
}

export function undo<T>(steps: Steps<T>): Steps<T> {
  const before = steps.past.at(-1)
  if (before === undefined) return steps
  return { past: steps.past.slice(0, -1), present: before, future: [steps.present, ...steps.future], about: '' }
}

export function redo<T>(steps: Steps<T>): Steps<T> {
  const [next, ...future] = steps.future
  if (next === undefined) return steps
  return { past: [...steps.past, steps.present], present: next, future, about: '' }
}
