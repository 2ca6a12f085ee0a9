import { computed, onScopeDispose, shallowReactive, type ComputedRef } from 'vue'

import { takeFailure } from '@/app/failures'

/** Something a person can do here: by its keys, and by name from the palette (Ctrl+K). */
export interface Command {
  title: string
  /** `F2`, `Alt+H`, `Ctrl+Enter`, `?`; none: from the palette alone. */
  keys?: string
  /** Heading in the palette. */
  group?: string
  /** Whether the keys work while something is typed; by default for all but plain characters, which never do. */
  typing?: boolean
  /** What it waits for; while false the keys do nothing and the palette does not offer it. */
  when?: () => boolean
  /** Keys without a line in the palette. */
  hidden?: boolean
  run: () => unknown
}

const registered = shallowReactive(new Set<() => readonly Command[]>())

/** Commands that can be run now; of two with the same keys the one registered last wins. */
export const commands: ComputedRef<Command[]> = computed(() =>
  [...registered].flatMap((list) => list()).filter((command) => command.when?.() ?? true),
)

/** Registers commands as long as the component lives. A function is asked anew whenever what it reads changes. */
export function useCommands(list: readonly Command[] | (() => readonly Command[])): void {
  const asked = typeof list === 'function' ? list : () => list
  registered.add(asked)
  onScopeDispose(() => registered.delete(asked))
}

/** Keys without a line in the palette: `useKeys({ 'Alt+H': hold })`. */
export function useKeys(keys: Readonly<Record<string, () => unknown>>, when?: () => boolean): void {
  useCommands(Object.entries(keys).map(([one, run]) => ({ title: one, keys: one, hidden: true, run, when })))
}

/** What of a keyboard event matters. */
export type Pressed = Pick<
  KeyboardEvent,
  'key' | 'code' | 'altKey' | 'ctrlKey' | 'metaKey' | 'shiftKey' | 'isComposing' | 'keyCode'
>

/** An input method (输入法) is at work: every key belongs to it, Enter and F-keys too. */
export function composing(event: Pick<Pressed, 'isComposing' | 'keyCode' | 'key'>): boolean {
  return event.isComposing || event.keyCode === 229 || event.key === 'Process'
}

/** Whether these keys are the ones pressed. Letters and digits go by their place on the keyboard when a modifier is
 * down: Alt+H is the same key whatever layout or input method makes of it. */
export function pressed(keys: string, event: Pressed): boolean {
  const parts = keys.split('+')
  const key = parts.pop() || '+'
  const has = (name: string): boolean => parts.includes(name)
  if (event.altKey !== has('Alt') || event.metaKey) return false
  if (event.ctrlKey !== has('Ctrl')) return false
  // Shift is part of what a plain character is ("?"), and a modifier of everything else.
  const plain = key.length === 1 && parts.length === 0
  if (!plain && event.shiftKey !== has('Shift')) return false
  if (key.length === 1 && parts.length > 0) {
    return event.code === `Key${key.toUpperCase()}` || event.code === `Digit${key}` || event.key.toLowerCase() === key.toLowerCase()
  }
  return event.key.toLowerCase() === key.toLowerCase()
}

/** Whether something is typed into: text goes there, plain characters are its own. */
export function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true
  const input = target.closest('input')
  return input !== null && !['button', 'checkbox', 'radio', 'range', 'submit', 'reset', 'file'].includes(input.type)
}

/** The command these keys are for, if it may run here. */
export function commandFor(event: Pressed, target: EventTarget | null): Command | null {
  if (composing(event)) return null
  const found = commands.value.filter((command) => command.keys && pressed(command.keys, event)).at(-1)
  if (!found?.keys) return null
  const plain = found.keys.length === 1
  const allowed = !typing(target) || (plain ? false : (found.typing ?? true))
  return allowed ? found : null
}

/** Runs a command; what goes wrong is shown by the shell. */
export async function runCommand(command: Command): Promise<void> {
  try {
    await command.run()
  } catch (error) {
    takeFailure(error)
  }
}

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented) return
  const command = commandFor(event, event.target)
  if (!command) return
  event.preventDefault()
  if (!event.repeat) void runCommand(command)
}

/** One listener for all; the shell turns it on. */
export function listenForKeys(): void {
  window.addEventListener('keydown', onKey)
  onScopeDispose(() => window.removeEventListener('keydown', onKey))
}
