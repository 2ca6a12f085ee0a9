import { describe, expect, it } from 'vitest'

import type { Version } from './types'
import { inForce, possible } from './words'

const version = (number: number, more: Partial<Version>): Version => ({
  number,
  state: 'published',
  title: 't',
  answer: 'a',
  spoken: '',
  category: '',
  public: true,
  valid_from: '2026-01-01',
  valid_until: null,
  comment: '',
  written_by: '1',
  written_at: '',
  checked_by: null,
  checked_at: null,
  published_by: null,
  published_at: null,
  closed_by: null,
  closed_at: null,
  closed_why: '',
  ...more,
})

describe('the version in force', () => {
  it('is the newest published one that has begun, and none once that has ended', () => {
    const versions = [
      version(4, { state: 'draft' }),
      version(3, { valid_from: '2026-06-01' }),
      version(2, { valid_from: '2026-03-01', valid_until: '2026-04-30' }),
      version(1, {}),
    ]
    const on = (day: string): number | undefined => inForce(versions, day)?.number
    expect(['2025-12-31', '2026-02-01', '2026-04-30', '2026-05-01', '2026-06-01'].map(on)).toEqual([undefined, 1, 2, undefined, 3])
  })
})

describe('the steps of a version', () => {
  it('are published and withdrawn by the centre alone', () => {
    expect(possible('checked', true)).toEqual(['publish', 'reject'])
    expect(possible('checked', false)).toEqual(['reject'])
    expect(possible('published', false)).toEqual([])
    expect(possible('withdrawn', true)).toEqual([])
  })
})
