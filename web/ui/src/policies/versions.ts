import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from 'vue'

import { api } from '@/api/client'

import type { Versions } from './types'

export interface Reading {
  told: ShallowRef<Versions | null>
  loading: Ref<boolean>
  error: ShallowRef<unknown>
  /** The tag that a change of what was read names. */
  tag(): string
  /** Reads all versions; false: it could not. */
  load(): Promise<boolean>
}

/** All versions of the rules, with the tag of what was read. */
export function useVersions(): Reading {
  const told = shallowRef<Versions | null>(null)
  const loading = ref(false)
  const error = shallowRef<unknown>(null)
  const leaving = new AbortController()
  let etag = ''

  onScopeDispose(() => leaving.abort())

  async function load(): Promise<boolean> {
    loading.value = true
    error.value = null
    try {
      const answer = await api.get<Versions>('/api/ticket-policies', {}, { signal: leaving.signal })
      told.value = answer.data
      etag = answer.etag ?? ''
      return true
    } catch (caught) {
      if (!leaving.signal.aborted) error.value = caught
      return false
    } finally {
      loading.value = false
    }
  }

  return { told, loading, error, tag: () => etag, load }
}
