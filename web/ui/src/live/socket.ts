import { onScopeDispose, readonly, ref, type Ref } from 'vue'

export type LiveState = 'connecting' | 'open' | 'lost'

export interface Live {
  /** How the connection stands; the header shows the worst of all. */
  state: Readonly<Ref<LiveState>>
  /** Sends JSON; false when the connection is not open. */
  send(message: unknown): boolean
  /** Connects at once instead of waiting for the next attempt. */
  retry(): void
  close(): void
}

const FIRST_MS = 200
const LONGEST_MS = 5_000

/** The line closes with 4000 and the HTTP status (web/sockets.py): what a client did wrong stays wrong. */
function isFinal(code: number): boolean {
  return code >= 4400 && code < 4500 && code !== 4429
}

const all = new Set<Ref<LiveState>>()
const overall = ref<LiveState | 'none'>('none')

function weigh(): void {
  const states = [...all].map((state) => state.value)
  overall.value =
    states.length === 0
      ? 'none'
      : states.includes('lost')
        ? 'lost'
        : states.includes('connecting')
          ? 'connecting'
          : 'open'
}

/** The worst state of this page's live connections; `none` where a page has none. */
export const liveState = readonly(overall)

/**
 * A WebSocket of the line that reconnects by itself, after 0.2 s at first and 5 s at most, and at once when the
 * machine is back on the network. `path` as a function is asked at every connect (a cursor to go on from). `onMessage`
 * gets each frame as JSON; `onOpen` runs after every connect, for what has to be read again; `onEnd` when the line closed
 * it for good.
 */
export function useLive(
  path: string | (() => string),
  onMessage: (message: unknown) => void,
  hooks: { onOpen?: () => void; onEnd?: (code: number, reason: string) => void } = {},
): Live {
  const state = ref<LiveState>('connecting')
  let socket: WebSocket | null = null
  let wait = FIRST_MS
  let timer: ReturnType<typeof setTimeout> | undefined
  let over = false

  function set(next: LiveState): void {
    state.value = next
    weigh()
  }

  function open(): void {
    clearTimeout(timer)
    if (over) return
    const mine = new WebSocket(new URL(typeof path === 'string' ? path : path(), location.href.replace(/^http/, 'ws')))
    socket = mine
    mine.addEventListener('open', () => {
      if (mine !== socket) return
      wait = FIRST_MS
      set('open')
      hooks.onOpen?.()
    })
    mine.addEventListener('message', (event: MessageEvent<unknown>) => {
      if (mine === socket && typeof event.data === 'string') onMessage(JSON.parse(event.data))
    })
    mine.addEventListener('close', (event) => {
      if (mine !== socket || over) return
      socket = null
      set('lost')
      if (isFinal(event.code)) {
        over = true
        // The page says what happened; nothing reconnects that the header could tell of.
        all.delete(state)
        weigh()
        hooks.onEnd?.(event.code, event.reason)
        return
      }
      // A quarter of chance: three hundred pages do not come back in the same moment.
      timer = setTimeout(open, wait * (0.75 + Math.random() / 2))
      wait = Math.min(wait * 2, LONGEST_MS)
    })
  }

  function retry(): void {
    if (over || socket) return
    wait = FIRST_MS
    open()
  }

  function close(): void {
    over = true
    clearTimeout(timer)
    window.removeEventListener('online', retry)
    socket?.close(1000)
    socket = null
    all.delete(state)
    weigh()
  }

  all.add(state)
  weigh()
  window.addEventListener('online', retry)
  onScopeDispose(close)
  open()

  return {
    state: readonly(state),
    send(message) {
      if (socket?.readyState !== WebSocket.OPEN) return false
      socket.send(JSON.stringify(message))
      return true
    },
    retry,
    close,
  }
}
