import { inWords, type Moment } from '@/parts/time'

export type Tone = 'good' | 'wait' | 'bad' | 'off'

export interface Left {
  tone: Tone
  /** `剩 3 小时`, `已超 2 天`. */
  text: string
}

const SOON_SECONDS = 24 * 3600

/** How much time is left until `due`, or by how much it is over. */
export function left(due: string | null, now: Moment = Date.now()): Left | null {
  if (due === null) return null
  const seconds = (new Date(due).getTime() - new Date(now).getTime()) / 1000
  if (seconds <= 0) return { tone: 'bad', text: `已超 ${inWords(-seconds)}` }
  return { tone: seconds < SOON_SECONDS ? 'wait' : 'good', text: `剩 ${inWords(seconds)}` }
}
