import { beforeEach, describe, expect, it } from 'vitest'

import { load, save } from './drafts'
import { blank, none, type Form, type Forms } from './forms'

function forms(begun: number): Forms {
  const form: Form = {
    call: 'a',
    line: '',
    hotline: '12345',
    unit: '',
    fields: { ...blank(), title: '路灯' },
    given: blank(),
    requestKey: 'k',
    registered: null,
    begun,
  }
  return { forms: [form], shown: 'a' }
}

describe('drafts', () => {
  beforeEach(() => localStorage.clear())

  it('are there after a reload, for their agent alone', () => {
    expect(save('1001', forms(5))).toBe(true)
    expect(load('1001', 10)).toEqual(forms(5))
    expect(load('1002', 10)).toEqual(none())
  })

  it('leave nothing of a citizen behind once they are done with', () => {
    save('1001', forms(5))
    save('1001', none())
    expect(localStorage.length).toBe(0)
  })

  it('are gone after half a day', () => {
    save('1001', forms(0))
    expect(load('1001', 13 * 3_600_000)).toEqual(none())
  })

  it('that cannot be read are no fault', () => {
    localStorage.setItem('hotline.desk.forms.1001', '{')
    expect(load('1001', 1)).toEqual(none())
  })
})
