import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { api, Problem, useCsrf } from '@/api/client'

import { maySee, type Role } from './roles'

export interface Person {
  login: string
  name: string
  roles: Role[]
  work_number: string | null
  extension: string | null
  unit_id: number | null
  /** Whether recordings of one's own talks may be heard. */
  hears_own?: boolean
}

/** `open`: signed in; `totp`: a code of the authenticator is asked for; `enrol`: one has to be set up first; `password`: an
 * administrator's password has to be changed first. */
export type Step = 'open' | 'totp' | 'enrol' | 'password'

export interface SessionAnswer {
  state: Step
  csrf: string
  person: Person
  idle_at: string
  expires_at: string
  recovery_codes: string[] | null
}

/** What an authenticator is set up with; the line shows it once. */
export interface Enrolment {
  secret: string
  uri: string
}

/** That somebody signed in with this browser: a page that nobody signed in on need not ask who it is. */
const MARK = 'hotline.signed-in'

function marked(): boolean {
  return localStorage.getItem(MARK) !== null
}

function mark(signedIn: boolean): void {
  if (signedIn) localStorage.setItem(MARK, '1')
  else localStorage.removeItem(MARK)
}

/** Who is signed in here. The cookie is the line's and no script sees it; what is kept here is what it says. */
export const useSession = defineStore('session', () => {
  const person = ref<Person | null>(null)
  const csrf = ref('')
  const step = ref<Step | null>(null)
  /** When the session ends unless it is used; `GET /api/session` says it anew and does not use it. */
  const idleAt = ref<number | null>(null)
  const expiresAt = ref<number | null>(null)
  /** Of a second step just set up; the line shows them once. */
  const recoveryCodes = ref<readonly string[]>([])
  const loaded = ref(false)
  let loading: Promise<void> | null = null

  const roles = computed<readonly Role[]>(() => person.value?.roles ?? [])

  function take(answer: SessionAnswer): Step {
    csrf.value = answer.csrf
    useCsrf(answer.csrf)
    step.value = answer.state
    person.value = answer.state === 'open' ? answer.person : null
    idleAt.value = new Date(answer.idle_at).getTime()
    expiresAt.value = new Date(answer.expires_at).getTime()
    if (answer.recovery_codes) recoveryCodes.value = answer.recovery_codes
    loaded.value = true
    mark(true)
    return answer.state
  }

  function forget(): void {
    person.value = null
    step.value = null
    csrf.value = ''
    idleAt.value = null
    expiresAt.value = null
    recoveryCodes.value = []
    loaded.value = true
    useCsrf('')
    mark(false)
  }

  /** Asks the line once who is signed in; throws Offline when it cannot say. */
  async function load(): Promise<void> {
    if (loaded.value) return
    if (!marked()) {
      forget()
      return
    }
    loading ??= refresh().finally(() => {
      loading = null
    })
    await loading
  }

  /** Asks anew, say after another tab signed in; somebody who is not signed in any more is no error here. */
  async function refresh(): Promise<void> {
    try {
      take((await api.get<SessionAnswer>('/api/session')).data)
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) throw error
      forget()
    }
  }

  async function signIn(user: string, password: string): Promise<Step> {
    return take((await api.post<SessionAnswer>('/api/session', { user, password })).data)
  }

  /** The second step's code: of an authenticator, or a recovery code; the first code of a new one confirms it. */
  async function giveCode(code: string): Promise<Step> {
    return take((await api.post<SessionAnswer>('/api/session/totp', { code })).data)
  }

  /** A new secret for an authenticator; in an open session the password is asked for again. */
  async function enrol(password = ''): Promise<Enrolment> {
    return (await api.post<Enrolment>('/api/session/totp/enrol', { password })).data
  }

  async function changePassword(password: string, newPassword: string): Promise<void> {
    take((await api.post<SessionAnswer>('/api/session/password', { password, new_password: newPassword })).data)
  }

  /** Uses the session, so that it does not idle. */
  async function stay(): Promise<void> {
    await api.get('/api/auth/me')
    await refresh()
  }

  /** Ends the session at the line and forgets it here; a session that is over already is no error. */
  async function signOut(): Promise<void> {
    try {
      await api.delete('/api/session')
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) throw error
    }
    forget()
  }

  function may(allowed: readonly Role[]): boolean {
    return maySee(roles.value, allowed)
  }

  return {
    person,
    csrf,
    step,
    idleAt,
    expiresAt,
    recoveryCodes,
    roles,
    loaded,
    load,
    refresh,
    signIn,
    giveCode,
    enrol,
    changePassword,
    stay,
    signOut,
    forget,
    may,
  }
})
