/** Answers of `web/routes/staff.py`, `skills.py`, `queues.py`, `teams.py` and `rosters.py`. */

import type { Role } from '@/session/roles'

export interface Staff {
  login: string
  name: string
  roles: Role[]
  unit_id: number | null
  work_number: string | null
  extension: string | null
  /** Skill group to level, 1 to 9. */
  levels: Record<string, number>
  disabled: boolean
  first_password: boolean
  locked: boolean
  version: number
}

export type SkillKind = 'general' | 'expert' | 'enterprise' | 'dialect' | 'language' | 'night'

export interface SkillGroup {
  group: string
  name: string
  kind: SkillKind
  /** False: nobody laid it down, the directory suggests it. */
  stored: boolean
}

export interface Team {
  team: string
  name: string
  /** Work numbers. */
  agents: string[]
  /** Logins. */
  supervisors: string[]
  /** Changes with what the team is. */
  version: number
}
