import { describe, expect, it } from 'vitest'

import { firstPassword } from './firstPassword'

describe('a first password', () => {
  it('is long enough for the line, legible, and another one each time', () => {
    const drawn = Array.from({ length: 200 }, firstPassword)
    expect(new Set(drawn).size).toBe(200)
    for (const one of drawn) expect(one).toMatch(/^[a-hjkmnp-z2-9]{12}$/)
    expect(new Set(drawn.join('')).size).toBe(31)
  })
})
