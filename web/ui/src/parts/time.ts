/** Moments and lengths of time as people here read them. Every moment is shown in the city's time zone. */

const ZONE = 'Asia/Shanghai'

export type Moment = string | number | Date

const parts = new Intl.DateTimeFormat('zh-CN', {
  timeZone: ZONE,
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})

function split(moment: Moment): Record<string, string> {
  return Object.fromEntries(parts.formatToParts(new Date(moment)).map(({ type, value }) => [type, value]))
}

function lasting(moment: Moment | null | undefined): moment is Moment {
  return moment !== null && moment !== undefined && !Number.isNaN(new Date(moment).getTime())
}

/** `2026-03-01 09:05`; `—` where there is none. */
export function dateTime(moment: Moment | null | undefined): string {
  if (!lasting(moment)) return '—'
  const { year, month, day, hour, minute } = split(moment)
  return `${year}-${month}-${day} ${hour}:${minute}`
}

/** `2026-03-01`. */
export function date(moment: Moment | null | undefined): string {
  return dateTime(moment).slice(0, 10)
}

/** `09:05:07`. */
export function clock(moment: Moment | null | undefined): string {
  if (!lasting(moment)) return '—'
  const { hour, minute, second } = split(moment)
  return `${hour}:${minute}:${second}`
}

/** `09:05` for today, `03-01 09:05` within the year, else with the year. */
export function shortly(moment: Moment | null | undefined, now: Moment = Date.now()): string {
  const full = dateTime(moment)
  const today = dateTime(now)
  if (full.slice(0, 10) === today.slice(0, 10)) return full.slice(11)
  return full.slice(0, 4) === today.slice(0, 4) ? full.slice(5) : full
}

/** `0:07`, `12:40`, `1:02:05`; negative lengths count as none. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const two = (value: number): string => String(value).padStart(2, '0')
  const hours = Math.floor(whole / 3600)
  const minutes = Math.floor((whole % 3600) / 60)
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`
}

/** `40 秒`, `12 分钟`, `3 小时 5 分钟`, `2 天 4 小时`: for sentences. */
export function inWords(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 60) return `${whole} 秒`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${minutes} 分钟`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return minutes % 60 ? `${hours} 小时 ${minutes % 60} 分钟` : `${hours} 小时`
  return hours % 24 ? `${Math.floor(hours / 24)} 天 ${hours % 24} 小时` : `${hours / 24} 天`
}
