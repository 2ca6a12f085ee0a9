/** What was edited and is not on the server yet, kept in this browser: a lost connection, an ended session or a closed
 *  window loses nothing. The next opening takes it up, over the revision it was begun from. */
import type { Flow } from './types'

export interface Kept {
  revision: number
  text: Flow
}

const PREFIX = 'hotline.menu-draft.'

export function keep(login: string, kept: Kept): void {
  try {
    localStorage.setItem(place(login, kept.text.flow), JSON.stringify(kept))
  } catch {
    // A browser that keeps nothing, or has no room: the page goes on without.
  }
}

export function forget(login: string, flow: string): void {
  try {
    localStorage.removeItem(place(login, flow))
  } catch {
    // As above.
  }
}

export function keptOf(login: string, flow: string): Kept | null {
  try {
    const found = JSON.parse(localStorage.getItem(place(login, flow)) ?? 'null') as Kept | null
    return found && found.text.flow === flow && typeof found.revision === 'number' ? found : null
  } catch {
    return null
  }
}

function place(login: string, flow: string): string {
  return `${PREFIX}${login}.${flow}`
}
