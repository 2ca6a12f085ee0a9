/** A waveform to draw, and places in it. */

import type { Peaks } from './types'

/** What a channel is drawn in: as many columns as the drawing has, and from the middle to the edge. */
export const COLUMNS = 600
export const HALF = 24

/** A channel of quiet speech is drawn as if its loudest sample were this, so that noise does not look like speech. */
const QUIETEST = 32

/** The largest peak of each column; fewer peaks than columns are as many columns as peaks. */
export function columnsOf(peaks: readonly number[], columns = COLUMNS): number[] {
  const count = Math.min(columns, peaks.length)
  return Array.from({ length: count }, (_, column) => {
    const from = Math.floor((column * peaks.length) / count)
    const to = Math.floor(((column + 1) * peaks.length) / count)
    return Math.max(...peaks.slice(from, to))
  })
}

/** The loudest of both channels: they are drawn to one scale. */
export function loudestOf({ citizen, others }: Peaks): number {
  return [...citizen, ...others].reduce((most, peak) => Math.max(most, peak), QUIETEST)
}

/** The outline of a channel as an SVG path, `COLUMNS` wide and twice `HALF` high. */
export function outline(peaks: readonly number[], loudest: number): string {
  const levels = columnsOf(peaks)
  if (levels.length === 0) return ''
  const width = COLUMNS / levels.length
  const half = (level: number): number => Math.max(0.5, (level / loudest) * HALF)
  const bars = levels.map((level, column) => {
    const x = round(column * width)
    return `M${x} ${round(HALF - half(level))}h${round(width)}v${round(2 * half(level))}h${round(-width)}z`
  })
  return bars.join('')
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

/** Keys that move the place, in seconds from where it is; Home and End go to the ends. */
const STEPS: Readonly<Record<string, number>> = { ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5, PageDown: -30, PageUp: 30 }

/** Where a key leads from `at`; null: nowhere. */
export function placeOf(key: string, at: number, total: number): number | null {
  if (key === 'Home') return 0
  if (key === 'End') return total
  const step = STEPS[key]
  return step === undefined ? null : within(at + step, total)
}

/** A place that the recording has. */
export function within(at: number, total: number): number {
  return Math.min(Math.max(at, 0), total)
}
