/** The states of a citizen's call from the page (网页通话) and every move between them, as one table. Pure: the page is in
 * `call.ts`, JsSIP in `line.ts`. */

export type CallState =
  | 'idle'
  /** The browser asks for the microphone. */
  | 'asking'
  /** The line is asked for, and opened. */
  | 'connecting'
  | 'calling'
  | 'talking'
  | 'over'
  | 'failed'

export type CallEvent = 'dial' | 'allowed' | 'open' | 'answered' | 'ended' | 'failed'

export const MOVES: Record<CallState, Partial<Record<CallEvent, CallState>>> = {
  idle: { dial: 'asking' },
  asking: { allowed: 'connecting', ended: 'over', failed: 'failed' },
  connecting: { open: 'calling', ended: 'over', failed: 'failed' },
  calling: { answered: 'talking', ended: 'over', failed: 'failed' },
  // A talk that breaks off was one: it is over, and what was wrong is said beside it.
  talking: { ended: 'over', failed: 'over' },
  over: { dial: 'asking' },
  failed: { dial: 'asking' },
}

/** The state after an event; one that means nothing now changes nothing. */
export function after(state: CallState, event: CallEvent): CallState {
  return MOVES[state][event] ?? state
}

/** Whether there is something to hang up. */
export function isBusy(state: CallState): boolean {
  return state !== 'idle' && state !== 'over' && state !== 'failed'
}

export const STATE_WORDS: Record<CallState, string> = {
  idle: '',
  asking: '请允许本网页使用麦克风',
  connecting: '正在连接',
  calling: '正在呼叫12345',
  talking: '已接通，请讲话或按键',
  over: '通话已结束',
  failed: '没有接通',
}

export type Trouble =
  | 'denied'
  | 'no-microphone'
  | 'microphone-failed'
  | 'number'
  | 'busy'
  | 'too-often'
  | 'form'
  | 'off'
  | 'away'
  | 'lost'
  | 'refused'

const DIAL = '也可以直接拨打12345。'

/** What is wrong, and what to do. */
export const TROUBLE_WORDS: Record<Trouble, string> = {
  denied: `浏览器没有获准使用麦克风。请在浏览器的网站设置中允许使用麦克风后再拨打，${DIAL}`,
  'no-microphone': `没有找到麦克风。请接好麦克风或耳机后再拨打，${DIAL}`,
  'microphone-failed': `麦克风打不开，可能正被其他程序使用。请关闭其他程序后再拨打，${DIAL}`,
  number: '回拨电话填写不正确，请检查；也可以不填。',
  busy: `现在使用网页通话的人较多，线路忙。请稍后再拨打，${DIAL}`,
  'too-often': `拨打过于频繁。请过一段时间再拨打，${DIAL}`,
  form: `页面已过期。请刷新本页后再拨打，${DIAL}`,
  off: '网页通话现在没有开通。请直接拨打12345。',
  away: `电话系统暂时不能接通。请稍后再拨打，${DIAL}`,
  lost: `网络中断，通话已结束。请检查网络后再拨打，${DIAL}`,
  refused: `这次呼叫没有接通。请稍后再拨打，${DIAL}`,
}

/** Why the microphone was not given, by the error of `getUserMedia`. */
export function microphoneTrouble(name: string): Trouble {
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied'
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'no-microphone'
  return 'microphone-failed'
}

/** Why there was no permit, by the status and code of the answer. */
export function permitTrouble(status: number, code: string): Trouble {
  if (code === 'number.invalid') return 'number'
  if (status === 429) return code === 'web_call.all_taken' || code === 'web_call.address_taken' ? 'busy' : 'too-often'
  if (status === 403) return 'form'
  if (status === 404) return 'off'
  return 'away'
}

/** The key of the telephone that a key of the keyboard is; empty: none. */
export function telephoneKey(key: string): string {
  return /^[0-9*#]$/.test(key) ? key : ''
}
