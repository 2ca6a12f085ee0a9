/** Who hears recordings, as `web/hearing.py` has it. */

import { maySee, type Role } from '@/session/roles'
import type { Person } from '@/session/store'

/** They hear whatever there is, and set and lift legal holds. */
export const SUPERIORS: readonly Role[] = ['supervisor', 'auditor']
export const HEARERS: readonly Role[] = [...SUPERIORS, 'agent', 'expert']

export function hearsAll(person: Person): boolean {
  return maySee(person.roles, SUPERIORS)
}

export function hears(person: Person): boolean {
  return hearsAll(person) || person.hears_own === true
}
