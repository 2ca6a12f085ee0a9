/** What a demand may be about already: asked of the line once somebody stops writing. */

import { onUnmounted, shallowRef, watch, type ShallowRef } from 'vue'

import { api } from '@/api/client'

import type { Form } from './forms'
import type { Candidate } from './types'

const ASK_AFTER_MS = 900
const LEAST_WORDS = 4

/** What is written here is asked about again. */
const COMPARED = ['title', 'content', 'address', 'area_code'] as const

/** Tickets that the shown form may be about. Once it is registered they stay as they were found. */
export function useDuplicates(form: () => Form | null): ShallowRef<Candidate[]> {
  const found = shallowRef<Candidate[]>([])
  let timer: ReturnType<typeof setTimeout> | undefined
  let asking: AbortController | null = null

  function stop(): void {
    clearTimeout(timer)
    asking?.abort()
    asking = null
  }

  async function ask(of: Form): Promise<void> {
    const mine = new AbortController()
    asking = mine
    const { title, content, caller_number, address, area_code } = of.fields
    try {
      const body = { title, content, caller_number, address, area_code }
      found.value = (await api.post<Candidate[]>('/api/tickets/duplicates', body, { signal: mine.signal })).data
    } catch {
      // Suggestions only: a demand is registered without them.
      if (asking === mine) found.value = []
    }
  }

  watch(
    // Each by itself: what else changes of a form asks nothing.
    [() => form()?.call, ...COMPARED.map((name) => () => form()?.fields[name])],
    () => {
      stop()
      const of = form()
      if (of === null || of.registered !== null || of.fields.title.trim().length < LEAST_WORDS) found.value = []
      else timer = setTimeout(() => void ask(of), ASK_AFTER_MS)
    },
    { immediate: true },
  )
  watch(() => Boolean(form()?.registered), (is) => { if (is) stop() })
  onUnmounted(stop)
  return found
}
