import { onScopeDispose } from 'vue'

/** Nobody touched the page for so long: it is not asked for any more, so that the session can end for want of use. */
const LEFT_MS = 10 * 60_000

/**
 * Calls `read` every `everyMs` milliseconds while somebody is at the page: it is in view, and a key or the pointer was
 * used within ten minutes. Who comes back to it is given the newest at once.
 */
export function useRefresh(read: () => unknown, everyMs: number): void {
  let used = Date.now()
  let last = Date.now()

  function look(): void {
    if (document.hidden || Date.now() - used > LEFT_MS || Date.now() - last < everyMs) return
    last = Date.now()
    void read()
  }

  function use(): void {
    used = Date.now()
    look()
  }

  const timer = setInterval(look, everyMs)
  const signs = ['keydown', 'pointerdown', 'visibilitychange']
  for (const sign of signs) document.addEventListener(sign, use)
  onScopeDispose(() => {
    clearInterval(timer)
    for (const sign of signs) document.removeEventListener(sign, use)
  })
}
