/** What the reports' refusals mean to people. */

import { addProblemWords } from '@/parts/problemWords'

export function installWords(): void {
  addProblemWords({
    'figures.too_many_periods': { what: '期间太多，一次最多 400 个。', next: '请缩短日期，或按更长的期间统计。' },
  })
}
