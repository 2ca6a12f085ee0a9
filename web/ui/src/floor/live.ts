/** The board by its socket, for as long as a page shows it. */

import { computed, onScopeDispose, type Ref, ref, type ShallowRef, shallowRef } from 'vue'

import { api } from '@/api/client'
import { type LiveState, useLive } from '@/live/socket'

import { after, type Board, EMPTY, whole } from './board'
import type { BoardBody, ChangeBody } from './types'

export interface LiveBoard {
  board: Readonly<ShallowRef<Board>>
  /** The line's clock, once a second, in milliseconds. */
  now: Readonly<Ref<number>>
  state: Readonly<Ref<LiveState>>
  /** Whether the board came at all. */
  loaded: Readonly<Ref<boolean>>
  /** Why what is shown may be out of date, as people read it; empty: it is not. */
  stale: Readonly<Ref<string>>
}

interface Frame {
  kind: string
  body: unknown
}

/** The socket says nothing while nothing changes: whether somebody still works the figures out is asked beside it. */
const ASK_MS = 10_000

/** `onChange` gets what is different, and null for a whole board. */
export function useBoard(onChange: (change: ChangeBody | null) => void = () => undefined): LiveBoard {
  const board = shallowRef<Board>(EMPTY)
  const loaded = ref(false)
  const ended = ref(false)
  const now = ref(Date.now())
  let skew = 0

  const live = useLive(
    '/ws/figures',
    (message) => {
      const { kind, body } = message as Frame
      if (kind === 'hello') {
        const given = body as BoardBody
        skew = given.at_ms - Date.now()
        board.value = whole(given)
        loaded.value = true
        tick()
        onChange(null)
      } else if (kind === 'figures') {
        board.value = after(board.value, body as ChangeBody)
        onChange(body as ChangeBody)
      }
    },
    { onEnd: () => (ended.value = true) },
  )

  function tick(): void {
    now.value = Date.now() + skew
  }

  async function ask(): Promise<void> {
    if (live.state.value !== 'open' || document.visibilityState === 'hidden') return
    try {
      const { data } = await api.get<BoardBody>('/api/figures/live')
      if (board.value.keptUp !== data.kept_up) board.value = { ...board.value, keptUp: data.kept_up }
    } catch {
      // The socket tells of a line that is not there.
    }
  }

  const ticking = setInterval(tick, 1000)
  const asking = setInterval(() => void ask(), ASK_MS)
  onScopeDispose(() => {
    clearInterval(ticking)
    clearInterval(asking)
  })

  const stale = computed(() => {
    if (ended.value) return '服务器已结束这个连接，数字不再更新；请刷新页面。'
    if (live.state.value !== 'open' && loaded.value) return '与服务器的连接中断，正在重连；下面是中断前的数字。'
    return loaded.value && !board.value.keptUp ? '后台统计进程未在运行，数字已停止更新；请联系值班技术人员。' : ''
  })

  return { board, now, state: live.state, loaded, stale }
}
