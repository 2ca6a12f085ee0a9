/** What refusals of hours mean to whoever lays them down. */

import { addProblemWords } from '@/parts/problemWords'

export function installWords(): void {
  addProblemWords({
    'schedule.unknown': { what: '没有这个时段表。', next: '请刷新列表后重试。' },
    'hours.invalid': { what: '时段不成立。', next: '每段要先开始后结束，并且不跨零点。' },
  })
}
