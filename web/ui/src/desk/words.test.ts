import { describe, expect, it } from 'vitest'

import { duration, number } from './words'

describe('words of the desk', () => {
  it.each([
    ['+8613812345678', '13812345678'],
    ['+863982812345', '03982812345'],
    ['+864001234567', '4001234567'],
    ['+12125550123', '+12125550123'],
    ['110', '110'],
    ['', '未显示号码'],
    [null, '未显示号码'],
  ])('shows a number as it is dialled here: %s', (e164, shown) => {
    expect(number(e164)).toBe(shown)
  })

  it('counts hours only where there are any', () => {
    expect([duration(61_000), duration(3_600_000)]).toEqual(['1:01', '1:00:00'])
  })
})
