/** The desk as one value, and what every message of the server makes of it.
 *
 * The server is the authority: nothing here guesses a state. A command is `asked` until a frame confirms or refuses it.
 */

import { refusal } from './problems'
import type {
  AgentState,
  AgentView,
  CallOutTold,
  Frame,
  LinkedTicket,
  Message,
  Pop,
  Said,
  TalkCommand,
  TalkState,
} from './types'

export type Link = 'connecting' | 'open' | 'lost' | 'taken_over' | 'ended'

/** The present call, or the one whose after-call work goes on. */
export interface DeskCall {
  pop: Pop
  /** Where it is on the agent's side. */
  phase: 'offered' | 'talking' | 'over'
  talk: TalkState
  /** Name of the third party; empty: none. */
  third: string
  why: string
  talkedSince: number | null
  endedBy: string
  tickets: LinkedTicket[]
  paused: boolean
  supervised: string
}

export interface Asked {
  command: TalkCommand
  at: number
}

export interface Refusal {
  command: TalkCommand
  why: string
}

export interface Desk {
  link: Link
  linkWhy: string
  agent: AgentView | null
  /** The server's clock minus this one's, in milliseconds. */
  ahead: number
  call: DeskCall | null
  asked: Asked | null
  refused: Refusal | null
  messages: Message[]
  said: Said[]
  callOut: CallOutTold | null
  /** The offer that came to nothing last, and why. */
  missed: { call: string; outcome: string } | null
}

export type Event =
  | Frame
  | { kind: 'link'; link: Link; why?: string }
  | { kind: 'agent'; view: AgentView }
  | { kind: 'ask'; command: TalkCommand; at: number }
  | { kind: 'ask_failed'; command: TalkCommand; why: string }
  | { kind: 'ask_done'; command: TalkCommand }
  | { kind: 'messages'; messages: Message[] }
  | { kind: 'message_read'; id: number }
  | { kind: 'tickets'; call: string; tickets: LinkedTicket[] }

/** States in which an agent belongs to a call (`HELD` of `acd/states.py`). */
export const IN_CALL: ReadonlySet<AgentState> = new Set(['RESERVED', 'RINGING', 'TALKING', 'HOLD', 'CONSULT', 'CONFERENCE'])
export const IN_TALK: ReadonlySet<AgentState> = new Set(['TALKING', 'HOLD', 'CONSULT', 'CONFERENCE'])

/** What may be asked for in each state of a talk: the twin of `ALLOWED` of `calls/talk/states.py`. The server decides;
 * this only greys out what it would refuse. */
const ALWAYS: readonly TalkCommand[] = ['hang_up', 'pause', 'resume']
export const ALLOWED: Record<TalkState, ReadonlySet<TalkCommand>> = {
  talking: new Set<TalkCommand>(['hold', 'to_menu', 'consult', 'three_way', 'blind', 'to_queue', 'to_survey', ...ALWAYS]),
  held: new Set<TalkCommand>(['retrieve', 'to_menu', 'consult', 'blind', 'to_queue', 'to_survey', ...ALWAYS]),
  in_menu: new Set<TalkCommand>(['retrieve', ...ALWAYS]),
  consult_calling: new Set<TalkCommand>(['drop', 'leave', ...ALWAYS]),
  consult: new Set<TalkCommand>(['join', 'leave', 'drop', ...ALWAYS]),
  join_calling: new Set<TalkCommand>(['drop', 'leave', ...ALWAYS]),
  conference: new Set<TalkCommand>(['leave', 'drop', ...ALWAYS]),
  blind_calling: new Set(),
  passed: new Set(),
  queued: new Set(),
  ended: new Set(),
}

/** What distribution's word for the agent says of the talk, where no frame of the talk is known (after a reload). */
const TALK_OF: Partial<Record<AgentState, TalkState>> = {
  TALKING: 'talking',
  HOLD: 'held',
  CONSULT: 'consult',
  CONFERENCE: 'conference',
}

const MOST_SAID = 200

export function empty(): Desk {
  return {
    link: 'connecting',
    linkWhy: '',
    agent: null,
    ahead: 0,
    call: null,
    asked: null,
    refused: null,
    messages: [],
    said: [],
    callOut: null,
    missed: null,
  }
}

export function may(desk: Desk, command: TalkCommand): boolean {
  return desk.call?.phase === 'talking' && ALLOWED[desk.call.talk].has(command)
}

/** The desk after one more message. `now` is this machine's clock in milliseconds. */
export function reduce(desk: Desk, event: Event, now: number): Desk {
  switch (event.kind) {
    case 'hello':
      return greeted(desk, event.body, now)
    case 'agent_state':
      return moved(desk, { ...(desk.agent ?? blank(event.body.agent)), ...event.body, deadline_ms: null })
    case 'agent':
      // An answer may be overtaken by what came of it.
      return desk.agent !== null && event.view.since_ms < desk.agent.since_ms ? desk : moved(desk, event.view)
    case 'pop':
      return { ...desk, call: fresh(event.body, 'offered'), asked: null, refused: null, missed: null, said: [] }
    case 'pop_withdrawn':
      return desk.call?.pop.reservation === event.body.reservation && desk.call.phase === 'offered'
        ? { ...desk, call: null, missed: { call: event.body.call, outcome: event.body.outcome } }
        : desk
    case 'talk':
      return ofCall(desk, event.body.call, (call) => ({
        ...desk,
        asked: null,
        refused: null,
        call: {
          ...call,
          phase: call.phase === 'over' ? 'over' : 'talking',
          talk: event.body.state,
          third: event.body.third,
          why: event.body.why ?? '',
        },
      }))
    case 'talk_refused':
      return { ...desk, asked: null, refused: { command: event.body.command, why: refusal(event.body.code, event.body.why) } }
    case 'call_ended':
      return ofCall(desk, event.body.call, (call) => ({
        ...desk,
        asked: null,
        call: { ...call, phase: 'over', endedBy: event.body.ended_by },
      }))
    case 'ticket':
      return ofCall(desk, event.body.call, (call) => ({
        ...desk,
        call: { ...call, tickets: [...call.tickets.filter((t) => t.number !== event.body.number), event.body] },
      }))
    case 'tickets':
      return ofCall(desk, event.call, (call) => ({ ...desk, call: { ...call, tickets: event.tickets } }))
    case 'message':
      return { ...desk, messages: [event.body, ...desk.messages.filter((m) => m.id !== event.body.id)] }
    case 'messages':
      return { ...desk, messages: event.messages }
    case 'message_read':
      return { ...desk, messages: desk.messages.filter((m) => m.id !== event.id) }
    case 'supervised':
      return ofCall(desk, event.body.call, (call) => ({
        ...desk,
        call: { ...call, supervised: event.body.state === 'ended' ? '' : event.body.state },
      }))
    case 'handover':
      return ofCall(desk, event.body.call, (call) => ({ ...desk, call: { ...call, pop: { ...call.pop, handover: event.body } } }))
    case 'call_out':
      return { ...desk, callOut: event.body }
    case 'transcript':
      return { ...desk, said: heard(desk.said, event.body) }
    case 'taken_over':
      return { ...desk, link: 'taken_over' }
    case 'link':
      // What was taken over or ended stays so until somebody decides.
      return desk.link === 'taken_over' && event.link === 'lost'
        ? desk
        : { ...desk, link: event.link, linkWhy: event.why ?? '' }
    case 'ask':
      return { ...desk, asked: { command: event.command, at: event.at }, refused: null }
    case 'ask_failed':
      return { ...desk, asked: null, refused: { command: event.command, why: event.why } }
    case 'ask_done':
      return done(desk, event.command)
    case 'pong':
      return { ...desk, ahead: event.body.at_ms - now }
    case 'error':
      return { ...desk, linkWhy: event.body.detail }
    default:
      return desk
  }
}

function blank(agent: string): AgentView {
  return {
    agent,
    extension: '',
    state: 'SIGNED_OUT',
    reason: '',
    since_ms: 0,
    pending: null,
    deadline_ms: null,
    call: null,
  }
}

function fresh(pop: Pop, phase: DeskCall['phase']): DeskCall {
  return {
    pop,
    phase,
    talk: 'talking',
    third: '',
    why: '',
    talkedSince: null,
    endedBy: '',
    tickets: [],
    paused: false,
    supervised: '',
  }
}

function ofCall(desk: Desk, call: string, change: (call: DeskCall) => Desk): Desk {
  return desk.call !== null && desk.call.pop.call === call ? change(desk.call) : desk
}

function greeted(desk: Desk, hello: Extract<Frame, { kind: 'hello' }>['body'], now: number): Desk {
  const next: Desk = { ...desk, link: 'open', linkWhy: '', ahead: hello.at_ms - now }
  if (hello.agent === null) return { ...next, agent: null, call: null, asked: null }
  // What a resumed socket missed comes as frames; a new one starts with the call of this moment.
  if (!hello.resumed) {
    const over = hello.agent.state === 'WRAP_UP'
    if (hello.pop === null) next.call = null
    else if (desk.call?.pop.call !== hello.pop.call || desk.call.pop.reservation !== hello.pop.reservation)
      next.call = fresh(hello.pop, over ? 'over' : 'offered')
    if (next.call !== null && hello.talk && hello.talk.call === next.call.pop.call)
      next.call = { ...next.call, talk: hello.talk.state, third: hello.talk.third, why: hello.talk.why ?? '' }
  }
  return moved(next, hello.agent, hello.resumed ? undefined : (hello.talk?.state ?? null))
}

/** The agent is somewhere else. `talk`: what a frame of the talk said of it already; null: none did. */
function moved(desk: Desk, view: AgentView, talk?: TalkState | null): Desk {
  const known = desk.agent?.state === view.state ? desk.agent.deadline_ms : null
  const agent = { ...view, deadline_ms: view.deadline_ms ?? known }
  const next: Desk = { ...desk, agent }
  const { call } = desk
  if (call === null) return next
  if (IN_TALK.has(view.state) && call.phase !== 'over') {
    const state = talk === null ? TALK_OF[view.state] : undefined
    next.call = {
      ...call,
      phase: 'talking',
      talk: state ?? call.talk,
      talkedSince: call.talkedSince ?? view.since_ms,
    }
  } else if (view.state === 'WRAP_UP' && call.phase === 'talking') {
    next.call = { ...call, phase: 'over' }
    next.asked = null
  }
  return next
}

function done(desk: Desk, command: TalkCommand): Desk {
  // Of a pause nobody tells but the answer itself.
  if ((command !== 'pause' && command !== 'resume') || desk.call === null) return desk
  return { ...desk, asked: null, call: { ...desk.call, paused: command === 'pause' } }
}

function heard(said: Said[], piece: Said): Said[] {
  const at = said.findIndex((one) => one.serial === piece.serial && one.who === piece.who)
  // An engine corrects what it wrote.
  if (at >= 0) return said.map((one, index) => (index === at ? piece : one))
  return [...said, piece].slice(-MOST_SAID)
}
