import { expect, test } from 'vitest'

import { steps } from './swaps'
import type { Swap, SwapState } from './types'

function swap(state: SwapState): Swap {
  return { state, agent: '1001', to_agent: '1002' } as Swap
}

function titles(state: SwapState, me: string | null, decides: boolean): string[] {
  return steps(swap(state), me, decides).map(({ title }) => title)
}

test.each<[SwapState, string | null, boolean, string[]]>([
  ['asked', '1001', false, ['撤回']],
  ['asked', '1002', false, ['同意', '不同意']],
  ['agreed', '1001', false, ['撤回']],
  ['agreed', '1002', false, ['撤回']],
  ['asked', null, true, ['不批准']],
  ['agreed', null, true, ['批准', '不批准']],
  ['agreed', '1003', true, ['批准', '不批准']],
  ['agreed', '1003', false, []],
  ['approved', '1001', false, []],
  ['withdrawn', null, true, []],
])('%s, as %s, deciding %s: %j', (state, me, decides, told) => {
  expect(titles(state, me, decides)).toEqual(told)
})

test('nobody decides on a swap of their own', () => {
  expect(titles('agreed', '1001', true)).toEqual(['撤回'])
  expect(titles('agreed', '1002', true)).toEqual(['撤回'])
})
