/** One call to 12345 through `/public/call/line` of our own origin, with JsSIP. */

import { C, UA, WebSocketInterface, debug } from 'jssip'
import type { RTCSession } from 'jssip/lib/RTCSession'

import type { Trouble } from './states'

/** What `POST /public/call/permit` gives: good for one call, for some seconds. */
export interface Permit {
  socket: string
  password: string
  user: string
  uri: string
  target: string
}

export interface Heard {
  open: () => void
  answered: () => void
  /** Either side has hung up. */
  ended: () => void
  failed: (why: Trouble) => void
}

/** A line that is opened once: its permit is used up. */
class OneLine extends WebSocketInterface {
  private _opened = false

  override connect(): void {
    if (this._opened) return
    this._opened = true
    super.connect()
  }
}

export class Call {
  private readonly _ua: UA
  private readonly _audio = new Audio()
  private _session: RTCSession | null = null
  private _over = false

  constructor(
    permit: Permit,
    private readonly _microphone: MediaStream,
    private readonly _heard: Heard,
  ) {
    debug.disable()
    this._audio.autoplay = true
    this._ua = new UA({
      sockets: [new OneLine(new URL(permit.socket, location.href.replace(/^http/, 'ws')).href)],
      uri: permit.uri,
      authorization_user: permit.user,
      password: permit.password,
      register: false,
      session_timers: false,
      user_agent: 'hotline-page',
    })
    this._ua.on('connected', () => this._place(permit.target))
    this._ua.on('disconnected', () => this._fail(this._session?.isEstablished() ? 'lost' : 'away'))
    this._ua.start()
  }

  private _place(target: string): void {
    this._heard.open()
    const session = this._ua.call(target, { mediaStream: this._microphone, pcConfig: { iceServers: [] } })
    this._session = session
    session.connection.addEventListener('track', ({ track, streams }) => {
      this._audio.srcObject = streams[0] ?? new MediaStream([track])
      // The citizen has pressed a button of this page: it may be heard.
      this._audio.play().catch(() => undefined)
    })
    // Asterisk has one address that all can reach: the first way there will do.
    session.on('icecandidate', ({ ready }) => ready())
    session.on('confirmed', () => this._heard.answered())
    session.on('ended', ({ cause }) => {
      if (cause === 'RTP Timeout' || cause === 'Connection Error') this._fail('lost')
      else this._end()
    })
    session.on('failed', ({ originator, cause }) => {
      // The citizen's own hang-up was the end already: what is canceled here by itself has lost the line, or waited in vain.
      if (originator === 'local' && cause === 'Canceled') this._fail('away')
      else this._fail(cause === 'Busy' || cause === 'Unavailable' ? 'busy' : 'refused')
    })
  }

  private _end(): void {
    if (this._close()) this._heard.ended()
  }

  private _fail(why: Trouble): void {
    if (this._close()) this._heard.failed(why)
  }

  /** Whether it was not over before. */
  private _close(): boolean {
    if (this._over) return false
    this._over = true
    this._audio.srcObject = null
    for (const track of this._microphone.getTracks()) track.stop()
    // Hangs up, too, if that has not been said yet.
    this._ua.stop()
    return true
  }

  hangUp(): void {
    this._end()
  }

  mute(muted: boolean): void {
    for (const track of this._microphone.getAudioTracks()) track.enabled = !muted
  }

  /** Press a key of the telephone: as an event of the sound (RFC 4733). */
  press(key: string): void {
    this._session?.sendDTMF(key, { transportType: C.DTMF_TRANSPORT.RFC2833, duration: 160, interToneGap: 100 })
  }
}
