/** Where the forms of the desk are kept through a reload: in this browser, for this agent, half a day at most.
 * What cannot be kept (no room, storage forbidden) is said by `false`; the form itself goes on. */

import { kept, none, type Forms } from './forms'

function key(agent: string): string {
  return `hotline.desk.forms.${agent}`
}

export function load(agent: string, now: number): Forms {
  try {
    const text = localStorage.getItem(key(agent))
    if (text === null) return none()
    const found = JSON.parse(text) as Forms
    return Array.isArray(found.forms) ? kept(found, now) : none()
  } catch {
    return none()
  }
}

export function save(agent: string, forms: Forms): boolean {
  try {
    if (forms.forms.length === 0) localStorage.removeItem(key(agent))
    else localStorage.setItem(key(agent), JSON.stringify(forms))
    return true
  } catch {
    return false
  }
}
