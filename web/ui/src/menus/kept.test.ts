import { afterEach, expect, it } from 'vitest'

import { twoKeys } from './examples'
import { forget, keep, keptOf } from './kept'

afterEach(() => localStorage.clear())

it('is there for the same person and flow until it is saved', () => {
  keep('wang', { revision: 3, text: twoKeys() })
  expect(keptOf('wang', 'two-keys')).toEqual({ revision: 3, text: twoKeys() })
  expect(keptOf('li', 'two-keys')).toBeNull()
  expect(keptOf('wang', 'other')).toBeNull()
  forget('wang', 'two-keys')
  expect(keptOf('wang', 'two-keys')).toBeNull()
})

it('is nothing when it cannot be read', () => {
  localStorage.setItem('hotline.menu-draft.wang.two-keys', '{"half')
  expect(keptOf('wang', 'two-keys')).toBeNull()
})
