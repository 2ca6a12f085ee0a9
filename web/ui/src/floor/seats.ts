/** The agents of one's teams and the calls that wait: read when the figures' socket says that something is different. */

import { onScopeDispose, type Ref, ref, type ShallowRef, shallowRef } from 'vue'

import { api } from '@/api/client'

import type { ChangeBody, Floor, Waiting } from './types'

export interface Seats {
  floor: Readonly<ShallowRef<Floor | null>>
  waiting: Readonly<ShallowRef<Waiting[]>>
  /** When `waiting` was read, by the page's clock. */
  readAt: Readonly<Ref<number>>
  error: Readonly<ShallowRef<unknown>>
  /** For `useBoard`. */
  onChange(change: ChangeBody | null): void
  /** Now, say after a command. */
  reload(): Promise<void>
}

/** Several changes of one moment are read once. */
const GATHER_MS = 200
/** Who listens to whom is on no socket that a supervisor without a phone has: while one does, and otherwise. */
const BUSY_MS = 1_000
const IDLE_MS = 10_000

export function useSeats(): Seats {
  const floor = shallowRef<Floor | null>(null)
  const waiting = shallowRef<Waiting[]>([])
  const readAt = ref(0)
  const error = shallowRef<unknown>(null)
  let timer: ReturnType<typeof setTimeout> | undefined
  let reading: Promise<void> | null = null
  let again = false
  let over = false

  async function read(): Promise<void> {
    try {
      const [seats, calls] = await Promise.all([
        api.get<Floor>('/api/floor'),
        api.get<Waiting[]>('/api/supervision/waiting'),
      ])
      if (over) return
      floor.value = seats.data
      waiting.value = calls.data
      readAt.value = Date.now()
      error.value = null
    } catch (caught) {
      error.value = caught
    }
  }

  function plan(wait: number): void {
    clearTimeout(timer)
    if (!over) timer = setTimeout(() => void reload(), wait)
  }

  async function reload(): Promise<void> {
    clearTimeout(timer)
    if (reading) {
      // What is under way may have been answered before the change.
      again = true
      return reading
    }
    reading = (async () => {
      do {
        again = false
        await read()
      } while (again && !over)
    })()
    await reading
    reading = null
    const own = floor.value?.own
    plan(own && own.state !== 'ended' ? BUSY_MS : IDLE_MS)
  }

  onScopeDispose(() => {
    over = true
    clearTimeout(timer)
  })
  void reload()

  return {
    floor,
    waiting,
    readAt,
    error,
    onChange(change) {
      const calls = change?.line && ('waiting' in change.line || 'longest_since_ms' in change.line)
      if (!change || change.agents || change.gone || calls) plan(GATHER_MS)
    },
    reload,
  }
}
