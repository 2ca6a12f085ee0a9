import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from 'vue'

import { api, type Query } from './client'

export interface List<T> {
  rows: ShallowRef<T[]>
  loading: Ref<boolean>
  error: ShallowRef<unknown>
  /** Whether the list goes on. */
  more: Ref<boolean>
  /** Reads from the start, by `query` as it is now. */
  reload(): Promise<void>
  /** Reads the next page and adds it. */
  next(): Promise<void>
}

/**
 * A list of the line that is read page by page. `rows` picks them from an answer that is not the list itself. What is
 * still on its way when another reading begins is given up.
 */
export function useList<T, A = T[]>(
  path: string | (() => string),
  query: () => Query = () => ({}),
  rows: (answer: A) => T[] = (answer) => answer as unknown as T[],
): List<T> {
  const read = shallowRef<T[]>([])
  const loading = ref(false)
  const error = shallowRef<unknown>(null)
  const more = ref(false)
  let following: string | null = null
  let current: AbortController | null = null
  let left = false

  async function take(from: string, asked: Query, before: T[]): Promise<void> {
    current?.abort()
    // The page may have gone while it waited for something else: nobody is there to read it, or signed in any more.
    if (left) return
    const mine = new AbortController()
    current = mine
    loading.value = true
    error.value = null
    try {
      const answer = await api.get<A>(from, asked, { signal: mine.signal })
      if (mine !== current) return
      read.value = [...before, ...rows(answer.data)]
      following = answer.next
      more.value = following !== null
    } catch (caught) {
      if (mine === current) error.value = caught
    } finally {
      if (mine === current) loading.value = false
    }
  }

  onScopeDispose(() => {
    left = true
    current?.abort()
  })

  return {
    rows: read,
    loading,
    error,
    more,
    reload: () => take(typeof path === 'function' ? path() : path, query(), []),
    next: async () => {
      if (following && !loading.value) await take(following, {}, read.value)
    },
  }
}
