import { api } from '@/api/client'

/** What rings at a seat (`GET /api/phone`); only a browser phone has the rest. */
export interface Seat {
  kind: 'browser' | 'desk' | 'none'
  extension: string | null
  uri: string | null
  authorization_user: string | null
  password: string | null
  socket: string | null
  register_expires: number | null
}

/** Who a browser phone is. */
export interface Account {
  extension: string
  uri: string
  user: string
  /** Good for this session alone; never kept. */
  password: string
  /** Path of the WebSocket. */
  socket: string
  expires: number
}

/** Where the agent sits: signed in, else at `extension`, else at their own. Throws `Problem` for another's seat. */
export async function seatAt(extension?: string): Promise<Seat> {
  return (await api.get<Seat>('/api/phone', { extension })).data
}

export function accountOf(seat: Seat): Account | null {
  const { extension, uri, authorization_user, password, socket } = seat
  if (seat.kind !== 'browser' || extension === null || uri === null || password === null || socket === null) return null
  return { extension, uri, user: authorization_user ?? extension, password, socket, expires: seat.register_expires ?? 120 }
}
