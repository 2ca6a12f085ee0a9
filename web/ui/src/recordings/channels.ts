/** The two channels of a recording, each loud or mute by itself. */

export const CHANNELS = ['citizen', 'others'] as const

export type Channel = (typeof CHANNELS)[number]

export interface Channels {
  mute(channel: Channel, muted: boolean): void
  /** Lets sound out; a browser asks for a person's own doing before. */
  resume(): Promise<void>
  close(): void
}

/** What an audio element plays from now on comes out through here: the citizen on the left, the others on the right. */
export function channelsOf(element: HTMLMediaElement): Channels {
  const context = new AudioContext()
  const source = context.createMediaElementSource(element)
  const splitter = context.createChannelSplitter(CHANNELS.length)
  const merger = context.createChannelMerger(CHANNELS.length)
  const gains = CHANNELS.map((_, index) => {
    const gain = context.createGain()
    splitter.connect(gain, index)
    gain.connect(merger, 0, index)
    return gain
  })
  source.connect(splitter)
  merger.connect(context.destination)
  return {
    mute: (channel, muted) => {
      const gain = gains[CHANNELS.indexOf(channel)]
      if (gain) gain.gain.value = muted ? 0 : 1
    },
    resume: () => context.resume(),
    close: () => void context.close(),
  }
}
