/** What the agent asks for in the talk. What comes of it is told by frames; here is only that it was asked, and refused
 * or not answered. */

import { api } from '@/api/client'
import { wordsFor } from '@/parts/problemWords'

import type { Fields } from './forms'
import type { DeskCall, Event } from './state'
import type { TalkCommand, Target } from './types'

/** So long a command may be without an answer. */
const PATIENCE_MS = 8_000

export interface TalkOptions {
  target?: string
  queue?: string
  menu?: string
  ticket?: string
  summary?: string
  location?: string
}

export class Asking {
  private _waiting: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly _take: (event: Event) => void) {}

  async ask(of: DeskCall, command: TalkCommand, options: TalkOptions): Promise<void> {
    this._take({ kind: 'ask', command, at: Date.now() })
    this.answered()
    this._waiting = setTimeout(() => this._failed(command, '系统没有应答，请看当前状态后再试'), PATIENCE_MS)
    try {
      await api.post(`/api/talks/${encodeURIComponent(of.pop.call)}/${command}`, options)
      this._take({ kind: 'ask_done', command })
      // No frame tells of these.
      if (command === 'pause' || command === 'resume') this.answered()
    } catch (caught) {
      this.answered()
      const { what, next } = wordsFor(caught)
      this._failed(command, `${what}${next}`)
    }
  }

  /** A frame has told what came of it. */
  answered(): void {
    clearTimeout(this._waiting)
  }

  private _failed(command: TalkCommand, why: string): void {
    this._take({ kind: 'ask_failed', command, why })
  }
}

/** How somebody is called in: what is written about the call goes ahead of it where the target takes data. */
export function toCallIn(
  command: 'consult' | 'three_way' | 'blind', target: Target, ticket: string, draft: Fields | undefined,
): [TalkCommand, TalkOptions] {
  if (target.kind === 'queue' && command === 'blind') return ['to_queue', { queue: target.key.split(':')[1] ?? '' }]
  const options: TalkOptions = { target: target.key, ticket }
  if (target.data && draft !== undefined) {
    options.summary = draft.title.slice(0, 200)
    options.location = draft.address.slice(0, 200)
  }
  return [command, options]
}
