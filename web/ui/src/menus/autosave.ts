/**
 * Saves what is edited, a moment after the last change and one at a time. What is sent while something newer is typed
 * is followed by that; a refusal keeps everything and says why; somebody else's save stops it until both are merged.
 */

export type Saving = 'saved' | 'waiting' | 'saving' | 'refused' | 'conflict' | 'offline'

export interface Outcome<S> {
  /** The revision that is there now. */
  revision: number
  saved: S
}

/** What became of one attempt. */
export type Attempt<S> =
  | ({ kind: 'saved' } & Outcome<S>)
  | { kind: 'refused'; why: unknown }
  | { kind: 'conflict'; clash: unknown }
  | { kind: 'offline' }

export interface Options<T, S> {
  send: (text: T, revision: number) => Promise<Attempt<S>>
  onState: (state: Saving, attempt: Attempt<S> | null) => void
  afterMs?: number
  againMs?: number
}

export class Autosave<T, S> {
  private wanted: T | null = null
  private timer: ReturnType<typeof setTimeout> | undefined
  private running: Promise<void> | null = null
  private stopped = false
  private waiting = false

  constructor(
    private readonly options: Options<T, S>,
    public revision: number,
  ) {}

  /** Something was changed. */
  change(text: T): void {
    this.wanted = text
    if (this.stopped) return
    this.tell('waiting', null)
    this.later(this.options.afterMs ?? 700)
  }

  /** Whether something is not on the server yet. */
  get dirty(): boolean {
    return this.wanted !== null || this.running !== null
  }

  /** Save now; resolves when nothing is under way. */
  async now(): Promise<void> {
    clearTimeout(this.timer)
    this.waiting = false
    if (this.running) await this.running
    if (this.wanted === null || this.stopped) return
    this.running = this.attempt(this.wanted)
    await this.running
  }

  /** After a conflict: from now on over this revision. `text`, with both sides in it, is saved. */
  async goOn(revision: number, text: T): Promise<void> {
    this.revision = revision
    this.stopped = false
    this.wanted = text
    await this.now()
  }

  stop(): void {
    clearTimeout(this.timer)
    this.waiting = false
    this.stopped = true
  }

  private later(ms: number): void {
    clearTimeout(this.timer)
    this.waiting = true
    this.timer = setTimeout(() => void this.now(), ms)
  }

  private async attempt(text: T): Promise<void> {
    this.tell('saving', null)
    const got = await this.options.send(text, this.revision)
    this.running = null
    const newest = this.wanted === text
    switch (got.kind) {
      case 'saved':
        this.revision = got.revision
        if (newest) this.wanted = null
        this.tell(newest ? 'saved' : 'waiting', got)
        break
      case 'refused':
        this.tell(newest ? 'refused' : 'waiting', got)
        break
      case 'conflict':
        this.stopped = true
        clearTimeout(this.timer)
        this.tell('conflict', got)
        return
      case 'offline':
        this.tell('offline', got)
        this.later(this.options.againMs ?? 2_000)
        return
    }
    if (!newest && !this.waiting && !this.stopped) this.later(this.options.afterMs ?? 700)
  }

  private tell(state: Saving, attempt: Attempt<S> | null): void {
    this.options.onState(state, attempt)
  }
}
