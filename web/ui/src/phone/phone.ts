/** The browser phone (网页话机): JsSIP at `/sip` of our own origin.
 *
 * The microphone is open already when a call comes, and the first candidate is enough (all phones and Asterisk are on
 * one network): an answer takes no longer than the way of two packets. The phone never answers by itself: `desk` says
 * when.
 */

import { UA, WebSocketInterface, debug } from 'jssip'
import type { RTCSession } from 'jssip/lib/RTCSession'
import type { RTCSessionEvent } from 'jssip/lib/UA'
import { readonly, ref, shallowRef } from 'vue'

import type { Account } from './account'
import { Microphone } from './microphone'
import { counted, quality, type Counted, type Quality } from './quality'
import { after, type PhoneEvent, type PhoneState } from './states'

const QUALITY_EVERY_MS = 2_000
/** JsSIP counts in whole seconds: a line that is back has its phone within 5 s. */
const RECONNECT_SECONDS = { least: 1, most: 2 }
const AGAIN_MS = 1_000

/** A line that is not opened again once it is given up: JsSIP goes on reconnecting for two seconds after its end, and
 * would take the phone away from the page that has it now. */
class PhoneLine extends WebSocketInterface {
  givenUp = false

  override connect(): void {
    if (!this.givenUp) super.connect()
  }
}

export class BrowserPhone {
  readonly microphone = new Microphone()
  private readonly _state = ref<PhoneState>('off')
  private readonly _muted = ref(false)
  private readonly _quality = shallowRef<Quality | null>(null)
  private readonly _why = ref('')
  private readonly _audio = new Audio()
  private _ua: UA | null = null
  private _line: PhoneLine | null = null
  private _session: RTCSession | null = null
  private _counting: ReturnType<typeof setInterval> | undefined
  private _again: ReturnType<typeof setTimeout> | undefined
  private _replace: (() => void) | null = null

  readonly state = readonly(this._state)
  readonly muted = readonly(this._muted)
  readonly quality = this._quality
  /** What was in the way last, for people to read. */
  readonly why = readonly(this._why)

  /** Called when a call rings here. `auto`: the line asks that it be answered at once (`Answer-Mode: Auto`). */
  onInvite: (auto: boolean) => void = () => undefined
  /** Called when a call is over, with JsSIP's cause. */
  onOver: (cause: string) => void = () => undefined

  constructor() {
    debug.disable()
    this._audio.autoplay = true
    this._audio.id = 'remote-audio'
  }

  /** What the far side says, for the meter and for tests. */
  get remote(): MediaStream | null {
    return this._audio.srcObject instanceof MediaStream ? this._audio.srcObject : null
  }

  get inCall(): boolean {
    return this._session !== null
  }

  /** Open the microphone and register, one beside the other. Throws when there is no microphone. */
  async start(account: Account): Promise<void> {
    if (this._ua !== null) return
    this._to('start')
    this._register(account)
    try {
      await this.microphone.open()
    } catch (error) {
      // A phone that nobody can speak into takes no calls.
      this.stop()
      throw error
    }
  }

  private _register(account: Account): void {
    const address = new URL(account.socket, location.href.replace(/^http/, 'ws')).href
    this._line = new PhoneLine(address)
    const ua = new UA({
      sockets: [this._line],
      uri: account.uri,
      authorization_user: account.user,
      password: account.password,
      register: true,
      register_expires: account.expires,
      session_timers: false,
      connection_recovery_min_interval: RECONNECT_SECONDS.least,
      connection_recovery_max_interval: RECONNECT_SECONDS.most,
      user_agent: 'hotline-desk',
    })
    this._ua = ua
    ua.on('registered', () => {
      this._why.value = ''
      this._to('registered')
    })
    ua.on('unregistered', () => this._lost())
    ua.on('registrationFailed', ({ response, cause }) => {
      const status = response?.status_code
      this._why.value = status === undefined ? '线路没有应答' : `注册被拒绝（${status}）`
      // A line that has just come up may not know its phones yet: it is asked again.
      this._lost()
      if (status !== undefined || cause !== undefined) this._registerSoon()
    })
    ua.on('disconnected', () => {
      this._why.value = '与电话系统的连接中断'
      this._lost()
    })
    ua.on('newRTCSession', (event: RTCSessionEvent) => {
      if (event.originator === 'remote') this._invited(event.session, event.request)
    })
    ua.start()
  }

  private _lost(): void {
    this._to('lost')
  }

  private _registerSoon(): void {
    clearTimeout(this._again)
    this._again = setTimeout(() => {
      if (this._ua?.isConnected()) this._ua.register()
    }, AGAIN_MS)
  }

  private _invited(session: RTCSession, request: { getHeader(name: string): string | undefined }): void {
    if (this._session !== null) {
      session.terminate({ status_code: 486 })
      return
    }
    this._session = session
    session.on('peerconnection', ({ peerconnection }) => this._connect(peerconnection))
    session.on('icecandidate', ({ ready }) => ready())
    session.on('confirmed', () => {
      this._to('confirmed')
      this._count(session)
    })
    session.on('ended', ({ cause }) => this._over(session, cause))
    session.on('failed', ({ cause }) => this._over(session, cause))
    this._to('invited')
    const auto =
      /auto/i.test(request.getHeader('Answer-Mode') ?? '') || /answer-after=0/i.test(request.getHeader('Call-Info') ?? '')
    this.onInvite(auto)
  }

  private _connect(connection: RTCPeerConnection): void {
    connection.addEventListener('track', ({ track, streams }) => {
      this._audio.srcObject = streams[0] ?? new MediaStream([track])
      if (this.microphone.output.value && 'setSinkId' in this._audio)
        this._audio.setSinkId(this.microphone.output.value).catch(() => undefined)
      // Refused only where nobody has touched the page yet; signing in is a touch.
      this._audio.play().catch(() => {
        this._why.value = '浏览器不允许播放声音：请点一下页面'
      })
    })
    const replaced = this.microphone.onTrack((track) => {
      track.enabled = !this._muted.value
      for (const sender of connection.getSenders())
        if (sender.track?.kind === 'audio' || sender.track === null) sender.replaceTrack(track).catch(() => undefined)
    })
    this._replace = () => {
      replaced()
    }
  }

  /** Take the ringing call; nothing happens if none rings. */
  answer(): boolean {
    const session = this._session
    if (session === null || this._state.value !== 'ringing') return false
    const stream = this.microphone.stream
    if (stream === null) {
      // It is being opened; where it cannot be, the phone is stopped.
      this.microphone.open().then(() => this.answer()).catch(() => undefined)
      return false
    }
    this._muted.value = false
    for (const track of stream.getAudioTracks()) track.enabled = true
    this._to('answer')
    session.answer({ mediaStream: stream, pcConfig: { iceServers: [] } })
    return true
  }

  /** End or refuse the call; nothing happens if there is none. */
  hangUp(): boolean {
    const session = this._session
    if (session === null || session.isEnded()) return false
    session.terminate(session.isEstablished() || this._state.value === 'talking' ? {} : { status_code: 486 })
    return true
  }

  mute(muted: boolean): void {
    const session = this._session
    if (session === null) return
    if (muted) session.mute({ audio: true })
    else session.unmute({ audio: true })
    this._muted.value = muted
  }

  async chooseOutput(id: string): Promise<void> {
    this.microphone.chooseOutput(id)
    if ('setSinkId' in this._audio) await this._audio.setSinkId(id)
  }

  private _over(session: RTCSession, cause: string): void {
    if (session !== this._session) return
    clearInterval(this._counting)
    this._replace?.()
    this._replace = null
    this._session = null
    this._audio.srcObject = null
    this._muted.value = false
    this._quality.value = null
    this._to('over')
    this.onOver(cause)
  }

  private _count(session: RTCSession): void {
    let before: Counted | null = null
    clearInterval(this._counting)
    this._counting = setInterval(() => {
      session.connection
        .getStats()
        .then((report) => {
          const now = counted(report as unknown as Map<string, Record<string, unknown>>, performance.now())
          if (now !== null && before !== null) this._quality.value = quality(before, now)
          before = now
        })
        // A connection that was closed meanwhile has nothing to tell.
        .catch(() => undefined)
    }, QUALITY_EVERY_MS)
  }

  /** Another page has the phone, or is about to: what is open goes on until it is closed, and is not opened again. */
  giveUp(): void {
    if (this._line !== null) this._line.givenUp = true
  }

  /** Unregister and let the microphone go. */
  stop(): void {
    clearTimeout(this._again)
    this.giveUp()
    this._ua?.stop()
    this._ua = null
    this.microphone.close()
    this._to('stop')
  }

  private _to(event: PhoneEvent): void {
    this._state.value = after(this._state.value, event)
  }
}
