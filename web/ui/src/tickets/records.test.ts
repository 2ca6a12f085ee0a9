import { describe, expect, it } from 'vitest'

import { recordForm } from './forms'
import { actionName, RECORDS } from './records'

describe('records beside a ticket', () => {
  it('have a word for every action with a form', () => {
    const actions: Record<string, string[]> = {
      questions: ['answer', 'withdraw'],
      'statutory-procedures': ['accept', 'refuse', 'prolong'],
      'force-majeure': ['acknowledge', 'refuse'],
      rulings: ['submit', 'rule'],
      meetings: ['convene', 'conclude', 'cancel'],
      findings: ['find_compliant', 'find_not_compliant', 'withdraw'],
    }
    expect(RECORDS.map((one) => one.kind)).toEqual(Object.keys(actions))
    for (const [kind, names] of Object.entries(actions)) {
      for (const name of names) {
        expect(recordForm(kind, 1, name), `${kind} ${name}`).not.toBeNull()
        expect(actionName(kind, name), `${kind} ${name}`).toMatch(/[\u4e00-\u9fff]/)
      }
    }
  })
})
