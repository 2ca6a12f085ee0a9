import { ref, shallowRef, type Ref, type ShallowRef } from 'vue'

import { useChange, type Change } from './change'
import { Problem } from './problem'

/** A change of one record that rests on `base`, as it was read. */
export interface VersionedChange<T> extends Change {
  /** Null: the record is new. */
  base: ShallowRef<T | null>
  /** What somebody else made of it since it was read, in words. */
  theirs: Ref<string[]>
  /** Begins anew, from the record as it was read. */
  begin(record: T | null): void
}

/**
 * Where somebody else was first the newest state is read (`read`; null: the record is gone) and `changes` says what it
 * brought: the next try rests on it, or on `gone`. What was filled in is the page's, and stays.
 */
export function useVersioned<T>(
  read: (before: T | null) => Promise<T | null>,
  changes: (before: T, now: T | null) => string[],
  gone: (before: T) => T,
): VersionedChange<T> {
  const base = shallowRef<T | null>(null) as ShallowRef<T | null>
  const theirs = ref<string[]>([])

  const change = useChange(async (caught) => {
    if (!(caught instanceof Problem) || ![404, 409, 412].includes(caught.status)) return
    const before = base.value
    const now = await read(before)
    if (before === null) return
    theirs.value = changes(before, now)
    base.value = now ?? gone(before)
  })

  function begin(record: T | null): void {
    base.value = record
    theirs.value = []
    change.forget()
  }

  return { ...change, base, theirs, begin }
}
