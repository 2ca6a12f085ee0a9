/** Why an audio element got no sound: it says only that there was none. */

import { Offline, Problem } from '@/api/client'

/** Asks for the first byte; null: it is given. */
export async function refusalOf(sound: string): Promise<Problem | Offline | null> {
  try {
    const answer = await fetch(sound, { headers: { Range: 'bytes=0-0' }, credentials: 'same-origin', cache: 'no-store' })
    if (answer.ok) {
      await answer.body?.cancel()
      return null
    }
    const told: unknown = await answer.json().catch(() => ({}))
    return new Problem(answer.status, typeof told === 'object' && told !== null ? (told as Record<string, unknown>) : {})
  } catch (caught) {
    return new Offline(caught)
  }
}

/** Whether the leave to hear it has run out: it is asked for again, with a reason. */
export function ranOut(refusal: unknown): boolean {
  return refusal instanceof Problem && refusal.status === 403
}
