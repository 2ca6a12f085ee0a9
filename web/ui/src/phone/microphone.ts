/** The microphone (麦克风): opened once at sign-in and kept, so that an answer waits for nothing; changed when another
 * one is chosen or the one in use is pulled out. */

import { readonly, ref, shallowRef } from 'vue'

export type MicrophoneState = 'closed' | 'opening' | 'open' | 'denied' | 'missing' | 'failed'

export const MICROPHONE_WORDS: Record<MicrophoneState, string> = {
  closed: '麦克风未打开',
  opening: '正在打开麦克风',
  open: '麦克风正常',
  denied: '浏览器不允许使用麦克风：请在地址栏左侧的网站设置中允许',
  missing: '没有找到麦克风：请插好耳麦',
  failed: '麦克风打不开：可能被其他程序占用',
}

export interface Device {
  id: string
  name: string
}

const CHOICE = 'hotline.microphone'
const SPEAKER = 'hotline.speaker'

export class Microphone {
  private readonly _state = ref<MicrophoneState>('closed')
  private readonly _inputs = shallowRef<Device[]>([])
  private readonly _outputs = shallowRef<Device[]>([])
  private readonly _input = ref(localStorage.getItem(CHOICE) ?? '')
  private readonly _output = ref(localStorage.getItem(SPEAKER) ?? '')
  private _stream: MediaStream | null = null
  private _opening: Promise<MediaStream> | null = null
  private readonly _listeners = new Set<(track: MediaStreamTrack) => void>()
  private _changed: (() => void) | null = null

  readonly state = readonly(this._state)
  readonly inputs = this._inputs
  readonly outputs = this._outputs
  readonly input = readonly(this._input)
  readonly output = readonly(this._output)

  get stream(): MediaStream | null {
    return this._stream
  }

  /** Called with the new track when the microphone has changed. Returns how to stop that. */
  onTrack(then: (track: MediaStreamTrack) => void): () => void {
    this._listeners.add(then)
    return () => this._listeners.delete(then)
  }

  /** The open microphone; opens it at the first call. Throws what `getUserMedia` throws. */
  async open(): Promise<MediaStream> {
    if (this._stream?.active) return this._stream
    this._opening ??= this._open().finally(() => {
      this._opening = null
    })
    return this._opening
  }

  private async _open(): Promise<MediaStream> {
    this._state.value = 'opening'
    try {
      const wanted: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true }
      if (this._input.value) wanted.deviceId = { ideal: this._input.value }
      const stream = await navigator.mediaDevices.getUserMedia({ audio: wanted })
      this._take(stream)
      await this.look()
      this._watch()
      return stream
    } catch (error) {
      const name = error instanceof DOMException ? error.name : ''
      this._state.value = name === 'NotAllowedError' ? 'denied' : name === 'NotFoundError' ? 'missing' : 'failed'
      throw error
    }
  }

  private _take(stream: MediaStream): void {
    const before = this._stream
    this._stream = stream
    this._state.value = 'open'
    const [track] = stream.getAudioTracks()
    if (track) {
      track.addEventListener('ended', () => this._pulledOut(stream))
      for (const then of this._listeners) then(track)
    }
    for (const old of before?.getTracks() ?? []) old.stop()
  }

  /** The device is gone: another one is taken, if there is one. */
  private _pulledOut(stream: MediaStream): void {
    if (stream !== this._stream) return
    this._stream = null
    this._state.value = 'missing'
    // The state says what came of it.
    this.open().catch(() => undefined)
  }

  private _watch(): void {
    if (this._changed !== null) return
    this._changed = () => {
      this.look()
        .then(() => (this._stream === null ? this.open() : null))
        .catch(() => undefined)
    }
    navigator.mediaDevices.addEventListener('devicechange', this._changed)
  }

  /** What is plugged in now. */
  async look(): Promise<void> {
    const found = await navigator.mediaDevices.enumerateDevices()
    const named = (kind: MediaDeviceKind, word: string): Device[] =>
      found
        .filter((one) => one.kind === kind && one.deviceId !== '')
        .map((one, index) => ({ id: one.deviceId, name: one.label || `${word} ${index + 1}` }))
    this._inputs.value = named('audioinput', '麦克风')
    this._outputs.value = named('audiooutput', '听筒')
  }

  /** Take another microphone, in a talk as well. */
  async choose(id: string): Promise<void> {
    this._input.value = id
    localStorage.setItem(CHOICE, id)
    await this._open()
  }

  chooseOutput(id: string): void {
    this._output.value = id
    localStorage.setItem(SPEAKER, id)
  }

  close(): void {
    if (this._changed !== null) navigator.mediaDevices.removeEventListener('devicechange', this._changed)
    this._changed = null
    for (const track of this._stream?.getTracks() ?? []) track.stop()
    this._stream = null
    this._state.value = 'closed'
  }
}

/** How loud a stream is, 0 to 1, by the highest sample of the last moments; `stop` ends the measuring. */
export function level(stream: MediaStream, told: (level: number) => void): { stop: () => void } {
  const context = new AudioContext()
  const analyser = context.createAnalyser()
  analyser.fftSize = 1024
  const source = context.createMediaStreamSource(stream)
  source.connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples)
    told(samples.reduce((loudest, one) => Math.max(loudest, Math.abs(one)), 0))
  }, 100)
  return {
    stop() {
      clearInterval(timer)
      source.disconnect()
      // Closing one that is closed already is no fault.
      context.close().catch(() => undefined)
    },
  }
}
