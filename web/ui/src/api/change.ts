import { ref, shallowRef, type Ref, type ShallowRef } from 'vue'

/** A page's changes of the line, one at a time: what it says when one is done, and why one was refused. */
export interface Change {
  /** Whether one is under way. */
  busy: Ref<boolean>
  /** Why the last one was refused; null: it was not. */
  refused: ShallowRef<unknown>
  /** What the last one did, in the words of the page; empty: nothing. */
  done: Ref<string>
  /**
   * Does `act` and then says `said`, which may be made of what it answered; answers whether it was done. While another
   * is under way nothing happens: who presses twice changes once.
   */
  make<T>(act: () => Promise<T>, said?: string | ((made: T) => string)): Promise<boolean>
  /** Forgets what was said, say when a dialog opens again. */
  forget(): void
}

/** `refusal` is called with each refusal, say to read anew what the change rested on; it is waited for. */
export function useChange(refusal?: (caught: unknown) => unknown): Change {
  const busy = ref(false)
  const refused = shallowRef<unknown>(null)
  const done = ref('')

  function forget(): void {
    refused.value = null
    done.value = ''
  }

  async function make<T>(act: () => Promise<T>, said: string | ((made: T) => string) = ''): Promise<boolean> {
    if (busy.value) return false
    busy.value = true
    forget()
    try {
      const made = await act()
      done.value = typeof said === 'string' ? said : said(made)
      return true
    } catch (caught) {
      refused.value = caught
      await refusal?.(caught)
      return false
    } finally {
      busy.value = false
    }
  }

  return { busy, refused, done, make, forget }
}
