import { expect, test } from 'vitest'

import { categoryNames } from './categories'

test('a category is named with those above it, a retired one says so', () => {
  const names = categoryNames([
    { code: '09', parent_code: null, name: '城管', active: true },
    { code: '0902', parent_code: '09', name: '占道经营', active: true },
    { code: '0903', parent_code: '09', name: '户外广告', active: false },
  ])
  expect(Object.fromEntries(names)).toEqual({ '09': '城管', '0902': '城管 / 占道经营', '0903': '户外广告（已停用）' })
})
