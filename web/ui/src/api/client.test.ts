import { afterEach, describe, expect, it, vi } from 'vitest'

import { address, api, nextOf, Offline, Problem, useCsrf, whenForged, whenSignedOut } from './client'

function answered(body: string | null, status = 200, headers: Record<string, string> = {}) {
  const fetched = vi.fn(
    async (_path: string, _request: RequestInit) => new Response(body, { status, headers: { 'Content-Type': 'application/json', ...headers } }),
  )
  vi.stubGlobal('fetch', fetched)
  return fetched
}

afterEach(() => {
  vi.unstubAllGlobals()
  useCsrf('')
  whenSignedOut(() => undefined)
})

describe('requests', () => {
  it('carry the version and the key they are given, and the token only where something changes', async () => {
    const fetched = answered('{}')
    useCsrf('token')
    await api.get('/api/x')
    await api.put('/api/x', { a: 1 }, { etag: '"3"', idempotencyKey: 'k' })
    const [read, written] = fetched.mock.calls.map(([, request]) => request.headers as Headers)
    expect(read?.get('X-CSRF-Token')).toBeNull()
    expect(written?.get('X-CSRF-Token')).toBe('token')
    expect(written?.get('If-Match')).toBe('"3"')
    expect(written?.get('Idempotency-Key')).toBe('k')
  })

  it('leave out of the query what has no value', () => {
    expect(address('/api/x', { a: '', b: null, c: 0, d: false, e: ['p', 'q'] })).toBe('/api/x?c=0&d=false&e=p&e=q')
  })

  it('tell version and the next page of what came', async () => {
    answered('[1]', 200, { ETag: '"7"', Link: '</api/x?cursor=a%2Cb>; rel="next"' })
    expect(await api.get('/api/x')).toEqual({ data: [1], etag: '"7"', next: '/api/x?cursor=a%2Cb', status: 200 })
  })

  it('leave a file as it is, and read why there is none', async () => {
    answered('PK', 200, { 'Content-Type': 'application/octet-stream' })
    const { data } = await api.get<Blob>('/api/x', {}, { binary: true })
    expect(await data.text()).toBe('PK')
    answered('{"code":"reports.not_made"}', 409)
    await expect(api.get('/api/x', {}, { binary: true })).rejects.toMatchObject({ code: 'reports.not_made' })
  })

  it('take an answer without content', async () => {
    answered(null, 204)
    expect((await api.delete('/api/x')).status).toBe(204)
    answered('', 200)
    expect((await api.get('/api/x')).data).toBe('')
  })
})

describe('refusals', () => {
  it('are problems with their code, remedy and fields', async () => {
    answered('{"code":"record.stale","detail":"d","remedy":"r","wrong":[{"where":"a","why":"b"}],"version":4}', 412)
    const problem = await api.put('/api/x').catch((error: unknown) => error)
    expect(problem).toBeInstanceOf(Problem)
    expect(problem).toMatchObject({ status: 412, code: 'record.stale', remedy: 'r', wrong: [{ where: 'a', why: 'b' }] })
    expect((problem as Problem).body.version).toBe(4)
  })

  it('that end the session are told, wrong passwords are not', async () => {
    const told = vi.fn()
    whenSignedOut(told)
    answered('{"code":"access.sign_in_refused"}', 401)
    await expect(api.post('/api/session/password')).rejects.toBeInstanceOf(Problem)
    expect(told).not.toHaveBeenCalled()
    answered('{"code":"access.unauthenticated"}', 401)
    await expect(api.get('/api/x')).rejects.toBeInstanceOf(Problem)
    expect(told).toHaveBeenCalledTimes(1)
  })

  it('for want of the right token are sent again once, with the new one', async () => {
    const tokens: (string | null)[] = []
    vi.stubGlobal('fetch', async (_path: string, request: RequestInit) => {
      tokens.push((request.headers as Headers).get('X-CSRF-Token'))
      const headers = { 'Content-Type': 'application/problem+json' }
      return tokens.at(-1) === 'new' ? new Response(null, { status: 204 }) : new Response('{"code":"access.forged"}', { status: 403, headers })
    })
    useCsrf('old')
    whenForged(async () => false)
    await expect(api.post('/api/x')).rejects.toMatchObject({ code: 'access.forged' })
    whenForged(async () => {
      useCsrf('new')
      return true
    })
    expect((await api.post('/api/x')).status).toBe(204)
    expect(tokens).toEqual(['old', 'old', 'new'])
  })

  it('of the network are Offline, and what the caller gave up is the caller’s', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('no network')))
    await expect(api.get('/api/x')).rejects.toBeInstanceOf(Offline)
    const gone = new AbortController()
    gone.abort(new Error('left'))
    await expect(api.get('/api/x', {}, { signal: gone.signal })).rejects.toThrow('left')
  })
})

describe('the next page', () => {
  it('is found among several links, as a path of ours', () => {
    expect(nextOf('</a>; rel="prev", <https://other.example/api/b?c=1>; rel="next"')).toBe('/api/b?c=1')
    expect(nextOf('</a>; rel="prev"')).toBeNull()
    expect(nextOf(null)).toBeNull()
  })
})
