/** The script of `/public/call` (网页通话): what its buttons do, and what it says. The page itself is made by the server
 * (`web/citizen/templates/call.html`), and without this script says to dial. */

import { Call, type Permit } from './line'
import { after, isBusy, microphoneTrouble, permitTrouble, STATE_WORDS, telephoneKey, TROUBLE_WORDS, type CallEvent, type CallState, type Trouble } from './states'

function part<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no #${id}`)
  return found as T
}

class CallPage {
  private readonly _form = part<HTMLFormElement>('place')
  private readonly _button = part<HTMLButtonElement>('dial-button')
  private readonly _number = part<HTMLInputElement>('f-number')
  private readonly _said = part('state')
  private readonly _keyed = part('keyed')
  private readonly _trouble = part('trouble')
  private readonly _talk = part('talk')
  private readonly _hangUp = part<HTMLButtonElement>('hang-up')
  private readonly _mute = part<HTMLButtonElement>('mute')
  private readonly _keys = [...this._talk.querySelectorAll<HTMLButtonElement>('[data-key]')]
  private _state: CallState = 'idle'
  private _call: Call | null = null
  private _microphone: MediaStream | null = null

  constructor() {
    this._form.addEventListener('submit', (event) => {
      event.preventDefault()
      if (!isBusy(this._state)) void this._dial()
    })
    this._hangUp.addEventListener('click', () => this._end())
    // The key that dialled may be held down still.
    this._hangUp.addEventListener('keydown', (event) => { if (event.repeat) event.preventDefault() })
    this._mute.addEventListener('click', () => this._toggleMute())
    for (const one of this._keys) one.addEventListener('click', () => this._press(one.dataset.key ?? ''))
    document.addEventListener('keydown', (event) => {
      const typing = event.target instanceof HTMLInputElement
      if (!typing && !event.ctrlKey && !event.altKey && !event.metaKey && !event.repeat) this._press(telephoneKey(event.key))
    })
    // A page that is left hangs up; one that cannot say so is hung up for by the server.
    addEventListener('pagehide', () => this._call?.hangUp())
    part('dial').hidden = true
    part('call').hidden = false
  }

  private _to(event: CallEvent): void {
    const before = this._state
    this._state = after(before, event)
    if (this._state === before) return
    const busy = isBusy(this._state)
    const talking = this._state === 'talking'
    this._said.textContent = STATE_WORDS[this._state]
    this._keyed.textContent = ''
    this._button.disabled = busy
    this._number.readOnly = busy
    this._talk.hidden = !busy
    this._mute.disabled = !talking
    for (const one of this._keys) one.disabled = !talking
    // The focus goes where the next step is, never lost with what is hidden.
    if (busy && !isBusy(before)) this._hangUp.focus()
    if (!busy && isBusy(before)) this._button.focus()
  }

  private _is(state: CallState): boolean {
    return this._state === state
  }

  private async _dial(): Promise<void> {
    this._trouble.hidden = true
    this._number.removeAttribute('aria-invalid')
    this._setMuted(false)
    this._to('dial')
    let microphone: MediaStream
    try {
      const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true }
      microphone = await navigator.mediaDevices.getUserMedia({ audio })
    } catch (error) {
      this._fail(microphoneTrouble(error instanceof DOMException ? error.name : ''))
      return
    }
    this._microphone = microphone
    if (!this._is('asking')) return this._release()
    this._to('allowed')
    const permit = await this._permit()
    if (typeof permit === 'string') this._fail(permit)
    else if (this._is('connecting')) this._place(permit, microphone)
    else this._release()
  }

  private async _permit(): Promise<Permit | Trouble> {
    try {
      const answer = await fetch(this._form.action, { method: 'POST', body: new FormData(this._form) })
      const told = (await answer.json()) as Permit & { code?: string }
      return answer.ok ? told : permitTrouble(answer.status, told.code ?? '')
    } catch {
      return 'away'
    }
  }

  private _place(permit: Permit, microphone: MediaStream): void {
    this._call = new Call(permit, microphone, {
      open: () => this._to('open'),
      answered: () => this._to('answered'),
      ended: () => this._finish('ended'),
      failed: (why) => this._fail(why),
    })
  }

  private _end(): void {
    if (this._call !== null) this._call.hangUp()
    else this._finish('ended')
  }

  private _finish(event: CallEvent): void {
    this._call = null
    this._release()
    this._to(event)
  }

  private _fail(why: Trouble): void {
    if (!isBusy(this._state)) return this._release()
    this._finish('failed')
    this._trouble.textContent = TROUBLE_WORDS[why]
    this._trouble.hidden = false
    if (why !== 'number') return
    this._number.setAttribute('aria-invalid', 'true')
    this._number.focus()
  }

  private _release(): void {
    for (const track of this._microphone?.getTracks() ?? []) track.stop()
    this._microphone = null
  }

  private _press(key: string): void {
    if (key === '' || this._state !== 'talking') return
    this._call?.press(key)
    this._keyed.textContent = `已按 ${key}`
  }

  private _toggleMute(): void {
    if (this._state === 'talking') this._setMuted(this._mute.getAttribute('aria-pressed') !== 'true')
  }

  private _setMuted(muted: boolean): void {
    this._call?.mute(muted)
    this._mute.setAttribute('aria-pressed', String(muted))
  }
}

// Where the browser gives no microphone or cannot call, the page goes on saying to dial.
if (isSecureContext && 'mediaDevices' in navigator && 'RTCPeerConnection' in window) new CallPage()
