import { describe, expect, it, test } from 'vitest'

import { agentChoices, leadChoices, leaving, teamChanges } from './teams'
import type { Staff, Team } from './types'

function person(login: string, number: string | null, changes: Partial<Staff> = {}): Staff {
  return {
    login, name: login.toUpperCase(), roles: number ? ['agent'] : ['supervisor'], unit_id: null, work_number: number, extension: null,
    levels: {}, disabled: false, first_password: false, locked: false, version: 1, ...changes,
  }
}

const STAFF = [
  person('ten', '1010'), person('two', '102'), person('gone', '1003', { disabled: true }), person('left', '1004', { disabled: true }),
  person('wang', null), person('old', null, { disabled: true }), person('clerk', null, { roles: ['dispatcher'] }),
]
const TEAMS: Team[] = [
  { team: 'one', name: '一班', agents: ['1010'], supervisors: ['wang'], version: 1 },
  { team: 'two', name: '二班', agents: ['102', '1003'], supervisors: ['old', 'unknown'], version: 2 },
]

describe('who can be chosen', () => {
  it('is everybody with a seat by number, with the team they are in', () => {
    expect(agentChoices(STAFF, TEAMS, 'one')).toEqual([
      { key: '102', name: '102 TWO', note: '现在二班' },
      { key: '1010', name: '1010 TEN', note: '' },
    ])
    expect(agentChoices(STAFF, TEAMS, 'two').map(({ key, note }) => [key, note])).toEqual([['102', ''], ['1003', '已停用'], ['1010', '现在一班']])
  })

  it('is supervisors, and who leads already', () => {
    expect(leadChoices(STAFF, []).map(({ name }) => name)).toEqual(['WANG（wang）'])
    expect(leadChoices(STAFF, ['old']).map(({ name, note }) => [name, note])).toEqual([['OLD（old）', '已停用'], ['WANG（wang）', '']])
  })
})

test('who leaves another team is said by team and name', () => {
  expect(leaving(['1010', '102', '7'], 'one', TEAMS, STAFF)).toEqual(['将从二班移出：102 TWO'])
  expect(leaving(['1010', '102'], '', TEAMS, STAFF)).toEqual(['将从一班移出：1010 TEN', '将从二班移出：102 TWO'])
  expect(leaving(['1010'], 'one', TEAMS, STAFF)).toEqual([])
})

test('what somebody else changed is told by name', () => {
  const [one] = TEAMS as [Team, Team]
  expect(teamChanges(one, { ...one, name: '甲班', agents: ['102'], supervisors: ['wang', 'x'] }, STAFF)).toEqual([
    '名称：一班 → 甲班',
    '加入组员：102 TWO',
    '移出组员：1010 TEN',
    '加入班长：x',
  ])
  expect(teamChanges(one, { ...one, version: 9 }, STAFF)).toEqual([])
})
