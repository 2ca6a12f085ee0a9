/** What `datetime-local` fields hold, in the city's zone. China has one offset and no summer time. */
import { dateTime } from '@/parts/time'

export function momentOf(local: string): string {
  return `${local.length === 16 ? `${local}:00` : local}+08:00`
}

export function localNow(): string {
  return dateTime(new Date()).replace(' ', 'T')
}
