/** The desk at work: the agent's socket and state, the phone, and through others what is written and asked for.
 *
 * It outlives the page that shows it: an agent who looks something up elsewhere keeps phone and calls.
 */

import { defineStore } from 'pinia'
import { computed, effectScope, markRaw, ref, shallowRef, watch, type EffectScope } from 'vue'

import { api, Problem } from '@/api/client'
import { useLive, type Live } from '@/live/socket'
import { accountOf, seatAt, type Seat } from '@/phone/account'
import { BrowserPhone } from '@/phone/phone'
import { Ringing } from '@/phone/ringing'
import { READY_STATES } from '@/phone/states'
import { useSession } from '@/session/store'

import { Asking, toCallIn, type TalkOptions } from './asking'
import { empty, IN_TALK, reduce, type Event } from './state'
import type { AgentView, Frame, LinkedTicket, Message, Pop, TalkCommand, Target, TicketOut } from './types'
import { useWriting } from './writing'

/** So long a talk's sound goes on in a page that gave way, if the other page says nothing. */
const PATIENCE_MS = 8_000
const QUIET_AFTER_MS = 1_500
const TAKEN_OVER = 4409
const SEAT = 'hotline.desk.seat'
/** Of this window: it is signed in at a browser phone. After a reload the phone need not wait to be told so. */
const AT_WORK = 'hotline.desk.at-work'
const AUTO_ANSWER = 'hotline.desk.auto-answer'

export const useDesk = defineStore('desk', () => {
  const session = useSession()
  const phone = markRaw(new BrowserPhone())
  const ringing = new Ringing()

  const desk = shallowRef(empty())
  /** What rings where the agent sits, or is about to. */
  const seat = shallowRef<Seat | null>(null)
  const autoAnswer = ref(localStorage.getItem(AUTO_ANSWER) === 'yes')
  const reasons = ref<string[]>([])
  const busy = ref(false)
  const error = shallowRef<unknown>(null)
  /** What the agent's own phone says against being offered a call. */
  const phoneError = shallowRef<unknown>(null)
  const now = ref(Date.now())

  let scope: EffectScope | null = null
  let live: Live | null = null
  let cursor = ''
  let agent = ''
  /** The call whose phone was lost: it is answered by itself when it rings again. */
  let resume = ''
  let ticking: ReturnType<typeof setInterval> | undefined
  let sitting: Promise<void> = Promise.resolve()

  const call = computed(() => desk.value.call)
  const state = computed(() => desk.value.agent?.state ?? 'SIGNED_OUT')
  const signedIn = computed(() => state.value !== 'SIGNED_OUT')
  const usesBrowser = computed(
    () => seat.value?.kind === 'browser' && desk.value.agent?.extension === seat.value.extension,
  )
  /** What is wrong with the phone, in words; empty: nothing. */
  const phoneTrouble = computed(() => {
    if (!signedIn.value || !usesBrowser.value) return ''
    if (READY_STATES.has(phone.state.value) || phone.state.value === 'starting') return ''
    return phone.why.value || '网页话机未注册'
  })

  // What the server says ------------------------------------------------------------------------------------------

  function take(event: Event): void {
    desk.value = reduce(desk.value, event, Date.now())
  }

  const asking = new Asking(take)
  const writing = useWriting((of, { number, title, state: is }) => {
    take({ kind: 'ticket', cursor: null, body: { call: of, number, title, state: is } })
  })

  function onFrame(message: unknown): void {
    const frame = message as Frame
    if (frame.cursor !== null) cursor = frame.cursor
    const before = desk.value
    take(frame)
    switch (frame.kind) {
      case 'hello':
        void greeted(frame.body.resumed)
        void readOnce()
        if (frame.body.pop !== null && !frame.body.resumed) writing.popped(frame.body.pop)
        break
      case 'pop':
        popped(frame.body)
        break
      case 'pop_withdrawn':
        if (before.call?.pop.reservation === frame.body.reservation) writing.withdrawn(frame.body.call)
        setTimeout(quiet, QUIET_AFTER_MS)
        break
      case 'agent_state':
        // The end of a wrap-up is not in the frame.
        if (frame.body.state === 'WRAP_UP') void look()
        break
      case 'talk':
      case 'talk_refused':
      case 'call_ended':
        asking.answered()
        break
      case 'taken_over':
        void giveWay()
        break
    }
  }

  function popped(pop: Pop): void {
    writing.popped(pop)
    if (resume !== pop.call) resume = ''
    answerIfWanted(false)
  }

  /** A phone that goes on ringing for an offer that was taken back: whoever was to end that did not reach it. */
  function quiet(): void {
    if (desk.value.call === null && phone.state.value === 'ringing') phone.hangUp()
  }

  async function greeted(resumed: boolean): Promise<void> {
    const view = desk.value.agent
    if (view === null || view.state === 'SIGNED_OUT') {
      // Signed out elsewhere meanwhile: no phone of this page goes on.
      sessionStorage.removeItem(AT_WORK)
      phone.stop()
      return
    }
    await sitting
    if (seat.value?.extension !== view.extension) await sit()
    if (!usesBrowser.value) return
    sessionStorage.setItem(AT_WORK, view.extension)
    const dead = !resumed && IN_TALK.has(view.state) && !phone.inCall
    await startPhone()
    if (dead && desk.value.call !== null) await bringBack(desk.value.call.pop.call)
  }

  /** A page that was loaded anew in a talk: the leg to its phone is dead. The new phone is there: it is to be rung. */
  async function bringBack(of: string): Promise<void> {
    resume = of
    await registered()
    try {
      await api.post(`/api/talks/${encodeURIComponent(of)}/phone-lost`)
    } catch (caught) {
      // 409: the talk ended meanwhile, and frames say so.
      if (!(caught instanceof Problem) || caught.status !== 409) error.value = caught
    }
    if (desk.value.call?.pop.call === of) await readTickets(of)
  }

  function registered(): Promise<void> {
    if (phone.state.value === 'registered') return Promise.resolve()
    return new Promise((done) => {
      const stop = watch(phone.state, (is) => {
        if (is !== 'registered' && is !== 'off' && is !== 'failed') return
        stop()
        done()
      })
    })
  }

  /** Another page of this agent has taken over. A talk's sound goes on here until it is there. */
  async function giveWay(): Promise<void> {
    ringing.end()
    phone.giveUp()
    if (phone.inCall) {
      await new Promise<void>((done) => {
        const stop = watch(phone.state, (is) => {
          // Its line is the other page's now: what is said here reaches nobody any more.
          if (is === 'talking' || is === 'answering') return
          stop()
          done()
        })
        setTimeout(() => {
          stop()
          done()
        }, PATIENCE_MS)
      })
    }
    phone.stop()
  }

  async function look(): Promise<void> {
    try {
      take({ kind: 'agent', view: (await api.get<AgentView>('/api/agents/me')).data })
    } catch {
      // The next frame, or the next hello, tells it.
    }
  }

  async function readTickets(of: string): Promise<void> {
    const { tickets } = (await api.get<{ tickets: TicketOut[] }>('/api/tickets', { call: of })).data
    const linked: LinkedTicket[] = tickets.map(({ number, title, state: is }) => ({ call: of, number, title, state: is }))
    take({ kind: 'tickets', call: of, tickets: linked })
  }

  // Opening and closing -------------------------------------------------------------------------------------------

  /** Begin to work, if that has not begun; called by the page. */
  function open(): void {
    const person = session.person
    if (!person?.work_number) return
    if (scope !== null && agent === person.work_number) return
    close()
    agent = person.work_number
    writing.open(agent)
    desk.value = empty()
    connect()
    ticking = setInterval(() => {
      now.value = Date.now()
    }, 500)
    void begin()
  }

  /** What the desk needs first is the socket and the phone; everything else waits for them. */
  async function begin(): Promise<void> {
    const here = sessionStorage.getItem(AT_WORK)
    sitting = sit(here ?? localStorage.getItem(SEAT) ?? undefined)
    if (here !== null) phone.microphone.open().catch(() => undefined)
    await sitting
    if (here !== null && seat.value?.extension === here) await startPhone()
  }

  async function readOnce(): Promise<void> {
    if (reasons.value.length > 0) return
    try {
      const [listed, mine] = await Promise.all([
        api.get<string[]>('/api/agents/reasons'),
        api.get<{ id: number; sender: string; text: string; sent_at: string }[]>('/api/floor/messages/mine', { unread: true }),
      ])
      reasons.value = listed.data
      const messages: Message[] = mine.data.map((one) => ({ id: one.id, from: one.sender, text: one.text, at: one.sent_at }))
      take({ kind: 'messages', messages })
    } catch (caught) {
      error.value = caught
    }
  }

  /** Find out what rings at a seat; where the agent is signed in that is the one. */
  async function sit(extension?: string): Promise<void> {
    try {
      seat.value = await seatAt(signedIn.value ? undefined : extension)
      phoneError.value = null
    } catch (caught) {
      seat.value = null
      phoneError.value = caught
    }
  }

  function connect(): void {
    cursor = ''
    scope = effectScope(true)
    scope.run(() => {
      live = useLive(() => (cursor ? `/ws/agent?cursor=${encodeURIComponent(cursor)}` : '/ws/agent'), onFrame, {
        onEnd: (code, why) => take({ kind: 'link', link: code === TAKEN_OVER ? 'taken_over' : 'ended', why }),
      })
      watch(live.state, (is) => {
        if (is === 'lost') take({ kind: 'link', link: 'lost' })
      })
    })
  }

  /** This page works on, and the other one gives way. */
  function takeOver(): void {
    scope?.stop()
    desk.value = { ...empty(), messages: desk.value.messages }
    connect()
  }

  function close(): void {
    asking.answered()
    clearInterval(ticking)
    scope?.stop()
    scope = null
    live = null
    ringing.end()
    phone.stop()
    agent = ''
    writing.close()
    seat.value = null
    desk.value = empty()
  }

  watch(
    () => session.person,
    (person) => {
      if (person === null) close()
    },
  )

  // The phone -----------------------------------------------------------------------------------------------------

  async function startPhone(): Promise<void> {
    const account = seat.value === null ? null : accountOf(seat.value)
    if (account === null) return
    try {
      await phone.start(account)
      phoneError.value = null
    } catch (caught) {
      phoneError.value = caught
    }
  }

  phone.onInvite = (auto) => {
    ringing.begin()
    answerIfWanted(auto)
  }
  phone.onOver = () => ringing.end()

  function answerIfWanted(auto: boolean): void {
    const again = resume !== '' && desk.value.call?.pop.call === resume
    if (phone.state.value === 'ringing' && (auto || again || autoAnswer.value)) {
      resume = ''
      answer()
    }
  }

  function answer(): void {
    if (phone.answer()) ringing.end()
  }

  function hangUp(): void {
    if (phone.hangUp()) return
    if (call.value?.phase === 'talking') void ask('hang_up')
  }

  function mute(): void {
    phone.mute(!phone.muted.value)
  }

  function setAutoAnswer(wanted: boolean): void {
    autoAnswer.value = wanted
    localStorage.setItem(AUTO_ANSWER, wanted ? 'yes' : 'no')
  }

  // The agent's state ---------------------------------------------------------------------------------------------

  async function step(path: string, body?: unknown): Promise<boolean> {
    busy.value = true
    error.value = null
    try {
      take({ kind: 'agent', view: (await api.post<AgentView>(`/api/agents/me/${path}`, body)).data })
      return true
    } catch (caught) {
      error.value = caught
      return false
    } finally {
      busy.value = false
    }
  }

  /** 签入 at a seat; its browser phone begins to register meanwhile. `thenReady`: calls may come at once. */
  async function signIn(extension: string, thenReady: boolean): Promise<void> {
    if (seat.value?.extension !== extension) await sit(extension)
    if (seat.value?.kind !== 'browser' && seat.value?.kind !== 'desk') return
    void startPhone()
    if (!(await step('sign-in', { extension }))) {
      phone.stop()
      return
    }
    localStorage.setItem(SEAT, extension)
    if (seat.value.kind === 'browser') sessionStorage.setItem(AT_WORK, extension)
    if (thenReady) await step('ready')
  }

  async function signOut(): Promise<void> {
    if (!(await step('sign-out')) || signedIn.value) return
    sessionStorage.removeItem(AT_WORK)
    phone.stop()
  }

  /** 示闲; out of the wrap-up, its end. */
  async function ready(): Promise<void> {
    if (state.value === 'WRAP_UP') {
      // What was asked for after it stays asked for, unless this takes it back.
      if (desk.value.agent?.pending) await step('ready')
      await step('end-wrap-up')
    } else await step('ready')
  }

  const notReady = (why: string): Promise<boolean> => step('not-ready', { reason: why })
  const extendWrapUp = (seconds: number): Promise<boolean> => step('extend-wrap-up', { seconds })
  const endWrapUp = (): Promise<boolean> => step('end-wrap-up')

  // The talk ------------------------------------------------------------------------------------------------------

  async function ask(command: TalkCommand, options: TalkOptions = {}): Promise<void> {
    if (call.value !== null && desk.value.asked === null) await asking.ask(call.value, command, options)
  }

  const hold = (): Promise<void> => ask(call.value?.talk === 'held' ? 'retrieve' : 'hold')

  function callIn(command: 'consult' | 'three_way' | 'blind', target: Target): Promise<void> {
    const ticket = call.value?.tickets.at(-1)?.number ?? ''
    const shown = writing.form.value
    return ask(...toCallIn(command, target, ticket, shown?.call === call.value?.pop.call ? shown?.fields : undefined))
  }

  // Messages ------------------------------------------------------------------------------------------------------

  async function read(message: Message): Promise<void> {
    await api.post(`/api/floor/messages/${message.id}/read`)
    take({ kind: 'message_read', id: message.id })
  }

  function clearError(): void {
    error.value = null
  }

  const { forms, form, draftLost, write, show, nextForm, closeForm, anotherForm, newForm, submit, taken } = writing
  return {
    forms,
    form,
    draftLost,
    write,
    show,
    nextForm,
    closeForm,
    anotherForm,
    newForm,
    submit,
    taken,
    desk,
    call,
    state,
    signedIn,
    seat,
    sit,
    autoAnswer,
    reasons,
    busy,
    error,
    phoneError,
    phoneTrouble,
    usesBrowser,
    now,
    phone,
    open,
    takeOver,
    signIn,
    signOut,
    ready,
    notReady,
    extendWrapUp,
    endWrapUp,
    answer,
    hangUp,
    mute,
    hold,
    ask,
    callIn,
    setAutoAnswer,
    startPhone,
    read,
    clearError,
  }
})
