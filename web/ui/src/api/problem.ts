/** One wrong field of a request, as the line names it. */
export interface Wrong {
  where: string
  why: string
}

/** An error answer of the line (`application/problem+json`). */
export class Problem extends Error {
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly remedy: string
  readonly wrong: readonly Wrong[]
  /** The whole answer: extension members such as the version somebody else wrote. */
  readonly body: Readonly<Record<string, unknown>>

  constructor(status: number, body: Readonly<Record<string, unknown>>) {
    const text = (key: string): string => (typeof body[key] === 'string' ? (body[key] as string) : '')
    super(`${status} ${text('code')}: ${text('detail')}`)
    this.name = 'Problem'
    this.status = status
    this.code = text('code') || `http.${status}`
    this.detail = text('detail')
    this.remedy = text('remedy')
    this.wrong = Array.isArray(body.wrong) ? (body.wrong as Wrong[]) : []
    this.body = body
  }
}

/** The line could not be reached, or took too long: nothing is known of what became of the request. */
export class Offline extends Error {
  constructor(cause?: unknown) {
    super('the line does not answer', { cause })
    this.name = 'Offline'
  }
}
