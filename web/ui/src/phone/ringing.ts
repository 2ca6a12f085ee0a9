/** What an agent hears while the phone rings: two soft tones every two seconds, made here. */

export class Ringing {
  private _context: AudioContext | null = null
  private _timer: ReturnType<typeof setInterval> | undefined

  begin(): void {
    if (this._context !== null) return
    this._context = new AudioContext()
    this._beep()
    this._timer = setInterval(() => this._beep(), 2_000)
  }

  private _beep(): void {
    const context = this._context
    if (context === null) return
    for (const [frequency, after] of [
      [660, 0],
      [880, 0.25],
    ] as const) {
      const oscillator = context.createOscillator()
      const gain = context.createGain()
      const from = context.currentTime + after
      oscillator.frequency.value = frequency
      gain.gain.setValueAtTime(0, from)
      gain.gain.linearRampToValueAtTime(0.12, from + 0.02)
      gain.gain.linearRampToValueAtTime(0, from + 0.22)
      oscillator.connect(gain).connect(context.destination)
      oscillator.start(from)
      oscillator.stop(from + 0.25)
    }
  }

  end(): void {
    clearInterval(this._timer)
    // One that is closed already is no fault.
    this._context?.close().catch(() => undefined)
    this._context = null
  }
}
