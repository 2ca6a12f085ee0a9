/** The states of a browser phone (网页话机) and every move between them, as one table. Pure: JsSIP is in `phone.ts`. */

export type PhoneState =
  | 'off'
  /** The microphone is being opened, and the line to Asterisk. */
  | 'starting'
  | 'registered'
  | 'ringing'
  | 'answering'
  | 'talking'
  /** The line or the registration is gone; it comes back by itself. */
  | 'lost'
  /** The same in a talk: sound goes on, for it takes another way. */
  | 'talking_lost'
  /** Nothing comes back by itself: no microphone, or refused. */
  | 'failed'

export type PhoneEvent =
  | 'start'
  | 'registered'
  | 'lost'
  | 'refused'
  | 'invited'
  | 'answer'
  | 'confirmed'
  | 'over'
  | 'stop'

export const MOVES: Record<PhoneState, Partial<Record<PhoneEvent, PhoneState>>> = {
  off: { start: 'starting' },
  starting: { registered: 'registered', lost: 'lost', refused: 'failed', stop: 'off' },
  registered: { invited: 'ringing', lost: 'lost', refused: 'failed', stop: 'off', registered: 'registered' },
  ringing: { answer: 'answering', over: 'registered', lost: 'lost', stop: 'off', registered: 'ringing' },
  answering: { confirmed: 'talking', over: 'registered', lost: 'lost', stop: 'off', registered: 'answering' },
  talking: { over: 'registered', lost: 'talking_lost', stop: 'off', registered: 'talking' },
  talking_lost: { registered: 'talking', over: 'lost', stop: 'off', lost: 'talking_lost' },
  lost: { registered: 'registered', refused: 'failed', stop: 'off', lost: 'lost' },
  failed: { start: 'starting', stop: 'off' },
}

/** The state after an event; one that means nothing now changes nothing. */
export function after(state: PhoneState, event: PhoneEvent): PhoneState {
  return MOVES[state][event] ?? state
}

export const PHONE_WORDS: Record<PhoneState, string> = {
  off: '话机未启用',
  starting: '话机正在注册',
  registered: '话机已就绪',
  ringing: '话机振铃',
  answering: '正在接通',
  talking: '话机通话中',
  lost: '话机掉线，正在重连',
  talking_lost: '话机掉线，正在重连（通话仍在）',
  failed: '话机不可用',
}

export const READY_STATES: ReadonlySet<PhoneState> = new Set(['registered', 'ringing', 'answering', 'talking'])
