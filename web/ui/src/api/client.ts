import { Offline, Problem } from './problem'

export { Offline, Problem } from './problem'
export type { Wrong } from './problem'

export interface Answer<T> {
  data: T
  /** The version of what was read, for `etag` of the change that follows. */
  etag: string | null
  /** Where a list goes on (`Link: <...>; rel="next"`), for `api.get`; null at its end. */
  next: string | null
  status: number
}

export interface Options {
  /** Sent as If-Match: the change is refused if somebody else was first. */
  etag?: string
  /** Sent as Idempotency-Key: the same key again is answered as the first time. */
  idempotencyKey?: string
  signal?: AbortSignal
  /** Milliseconds until the request counts as lost. */
  timeout?: number
  /** The answer is a file: its data is a Blob. */
  binary?: boolean
}

export type Query = Record<string, string | number | boolean | null | undefined | readonly (string | number)[]>

const TIMEOUT = 20_000
const REFUSED = new Set(['access.sign_in_refused', 'access.second_step'])
const CHANGING = new Set(['POST', 'PUT', 'PATCH', 'DELETE'])

let csrf = ''
let signedOut: (problem: Problem) => void = () => undefined

/** The token that every change carries (`X-CSRF-Token`); the session store sets it. */
export function useCsrf(token: string): void {
  csrf = token
}

/** What happens when the line says that nobody is signed in any more. */
export function whenSignedOut(then: (problem: Problem) => void): void {
  signedOut = then
}

let renewed: () => Promise<boolean> = async () => false

/** What is tried when the line says that the token is another session's: true if it is the right one now. The same
 * person may have signed in anew in another tab. */
export function whenForged(then: () => Promise<boolean>): void {
  renewed = then
}

/** A path with its query; what is null, undefined or an empty text is left out. */
export function address(path: string, query: Query = {}): string {
  const asked = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== '') asked.append(name, String(one))
    }
  }
  const text = asked.toString()
  return text ? `${path}?${text}` : path
}

/** The path of `rel="next"` in a Link header (RFC 8288). */
export function nextOf(link: string | null): string | null {
  const found = link?.match(/<([^>]*)>\s*;[^,]*\brel="?next"?/)?.[1]
  if (!found) return null
  const { pathname, search } = new URL(found, location.origin)
  return pathname + search
}

async function send<T>(method: string, path: string, body: unknown, options: Options): Promise<Answer<T>> {
  try {
    return await sendOnce<T>(method, path, body, options)
  } catch (error) {
    // Refused before anything was done: it may be sent again.
    if (!(error instanceof Problem) || error.code !== 'access.forged' || !(await renewed())) throw error
    return sendOnce<T>(method, path, body, options)
  }
}

async function said(answer: Response): Promise<unknown> {
  const kind = answer.headers.get('Content-Type') ?? ''
  const text = await answer.text()
  return kind.includes('json') && text ? JSON.parse(text) : text
}

async function sendOnce<T>(method: string, path: string, body: unknown, options: Options): Promise<Answer<T>> {
  const headers = new Headers({ Accept: 'application/json' })
  if (CHANGING.has(method) && csrf) headers.set('X-CSRF-Token', csrf)
  if (options.etag) headers.set('If-Match', options.etag)
  if (options.idempotencyKey) headers.set('Idempotency-Key', options.idempotencyKey)
  const asIs = body instanceof FormData || body instanceof Blob
  if (body !== undefined && !asIs) headers.set('Content-Type', 'application/json')
  const limit = AbortSignal.timeout(options.timeout ?? TIMEOUT)
  const request: RequestInit = {
    method,
    headers,
    credentials: 'same-origin',
    redirect: 'error',
    cache: 'no-store',
    signal: options.signal ? AbortSignal.any([options.signal, limit]) : limit,
  }
  if (body !== undefined) request.body = asIs ? body : JSON.stringify(body)

  let answer: Response
  let data: unknown
  try {
    answer = await fetch(path, request)
    data = options.binary && answer.ok ? await answer.blob() : await said(answer)
  } catch (error) {
    if (options.signal?.aborted) throw options.signal.reason
    throw new Offline(error)
  }
  if (!answer.ok) {
    const members = typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {}
    const problem = new Problem(answer.status, members)
    // A password or code that is wrong is answered 401 as well, and ends no session.
    if (answer.status === 401 && !REFUSED.has(problem.code)) signedOut(problem)
    throw problem
  }
  return {
    data: data as T,
    etag: answer.headers.get('ETag'),
    next: nextOf(answer.headers.get('Link')),
    status: answer.status,
  }
}

/**
 * The line's REST interface (`/openapi.json`). Every method throws `Problem` for an error answer, `Offline` when the
 * line cannot be reached, and the signal's reason when the caller gave up.
 */
export const api = {
  get: <T>(path: string, query?: Query, options: Options = {}) =>
    send<T>('GET', address(path, query), undefined, options),
  post: <T>(path: string, body?: unknown, options: Options = {}) => send<T>('POST', path, body, options),
  put: <T>(path: string, body?: unknown, options: Options = {}) => send<T>('PUT', path, body, options),
  patch: <T>(path: string, body?: unknown, options: Options = {}) => send<T>('PATCH', path, body, options),
  delete: <T = void>(path: string, options: Options = {}) => send<T>('DELETE', path, undefined, options),
}
