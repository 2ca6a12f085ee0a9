/** Plays one recording: where it is, how fast, which of its channels are heard. */

import { onScopeDispose, reactive, ref, shallowRef, type Ref, type ShallowRef } from 'vue'

import { Offline, Problem } from '@/api/client'

import { CHANNELS, channelsOf, type Channel, type Channels } from './channels'
import { ranOut, refusalOf } from './refusal'
import { within } from './wave'

export interface Player {
  /** Seconds, as are all places here. */
  at: Ref<number>
  total: Ref<number>
  playing: Ref<boolean>
  speed: Ref<number>
  muted: Record<Channel, boolean>
  /** Why there is no sound; null: nothing is wrong. */
  error: ShallowRef<unknown>
  /** Plays what stands still, and halts what plays. */
  turn(): Promise<void>
  seek(to: number): void
  mute(channel: Channel): void
  setSpeed(speed: number): void
  /** Asks for the sound once more, from where it stopped. */
  again(): void
}

export interface Told {
  /** The leave to hear it ran out at this place. */
  over(at: number): void
  /** The line gives no sound: what it says of the recording may be new. */
  refused(): void
}

/** `from` is where it begins; `lengthMs` how long it is until the sound itself says so. Ends with its scope. */
export function usePlayer(sound: string, from: number, lengthMs: number, told: Told): Player {
  const audio = new Audio()
  const at = ref(from)
  const total = ref(lengthMs / 1000)
  const playing = ref(false)
  const speed = ref(1)
  const muted = reactive<Record<Channel, boolean>>({ citizen: false, others: false })
  const error = shallowRef<unknown>(null)
  let channels: Channels | null = null
  let left = false

  function load(): void {
    error.value = null
    audio.preload = 'metadata'
    audio.src = sound
  }

  function begin(): void {
    if (Number.isFinite(audio.duration)) total.value = audio.duration
    audio.currentTime = within(at.value, total.value)
  }

  function tell(): void {
    // Before there is any sound the element says 0, wherever it is to begin.
    if (audio.readyState > 0) at.value = audio.currentTime
  }

  async function failed(): Promise<void> {
    const refusal = await refusalOf(sound)
    if (left) return
    playing.value = false
    if (ranOut(refusal)) {
      told.over(at.value)
      return
    }
    error.value = refusal ?? new Offline(audio.error)
    if (refusal instanceof Problem) told.refused()
  }

  async function turn(): Promise<void> {
    if (!audio.paused) {
      audio.pause()
      return
    }
    channels ??= channelsOf(audio)
    for (const channel of CHANNELS) channels.mute(channel, muted[channel])
    void channels.resume()
    try {
      await audio.play()
    } catch {
      // Halted meanwhile, or the browser wants a click first; what cannot be played is told by its own event.
    }
  }

  function seek(to: number): void {
    at.value = within(to, total.value)
    if (audio.readyState > 0) audio.currentTime = at.value
  }

  function mute(channel: Channel): void {
    muted[channel] = !muted[channel]
    channels?.mute(channel, muted[channel])
  }

  function setSpeed(wanted: number): void {
    speed.value = wanted
    audio.defaultPlaybackRate = wanted
    audio.playbackRate = wanted
  }

  audio.addEventListener('loadedmetadata', begin)
  audio.addEventListener('timeupdate', tell)
  audio.addEventListener('play', () => (playing.value = true))
  audio.addEventListener('pause', () => (playing.value = false))
  audio.addEventListener('ended', () => (playing.value = false))
  audio.addEventListener('error', () => void (left ? undefined : failed()))
  load()

  onScopeDispose(() => {
    left = true
    audio.pause()
    audio.removeAttribute('src')
    audio.load()
    channels?.close()
  })

  return { at, total, playing, speed, muted, error, turn, seek, mute, setSpeed, again: load }
}
