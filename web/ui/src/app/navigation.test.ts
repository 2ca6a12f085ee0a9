import type { RouteRecordRaw } from 'vue-router'
import { describe, expect, it } from 'vitest'

import type { Role } from '@/session/roles'
import type { Person } from '@/session/store'

import { navigation, startOf } from './navigation'
import { wayBack } from './wayBack'

const component = {}
const routes: RouteRecordRaw[] = [
  { path: '/units', component, meta: { title: '单位', roles: ['admin'], nav: { group: '管理', order: 1 } } },
  { path: '/desk', component, meta: { title: '坐席台', roles: ['agent'], nav: { group: '话务', order: 2 } } },
  { path: '/first', component, meta: { title: '先', roles: ['agent', 'admin'], nav: { group: '话务', order: 1 } } },
  { path: '/hidden', component, meta: { title: '无', roles: [] } },
  { path: '/own', component, meta: { title: '本人', roles: ['agent'], nav: { group: '现场', order: 1, when: (person) => person.hears_own === true } } },
]

function somebody(role: Role, more: Partial<Person> = {}): Person {
  return { login: 'li', name: '李', roles: [role], work_number: null, extension: null, unit_id: null, ...more }
}

describe('navigation', () => {
  it('has what the roles may see, groups and entries in order', () => {
    expect(navigation(routes, somebody('admin')).map((group) => [group.name, ...group.entries.map((one) => one.path)])).toEqual([
      ['话务', '/first'],
      ['管理', '/units'],
    ])
    expect(navigation(routes, somebody('agent'))[0]?.entries.map((one) => one.path)).toEqual(['/first', '/desk'])
    expect(navigation(routes, somebody('auditor'))).toEqual([])
    expect(navigation(routes, null)).toEqual([])
  })

  it('has a page that is for some of a role, for those', () => {
    const groups = (hears_own: boolean): string[] => navigation(routes, somebody('agent', { hears_own })).map((group) => group.name)
    expect([groups(false), groups(true)]).toEqual([['话务'], ['话务', '现场']])
  })

  it('begins the day at its first page', () => {
    expect(startOf(routes, somebody('agent'))).toBe('/first')
    expect(startOf(routes, somebody('auditor'))).toBeNull()
  })
})

describe('the way back after a login', () => {
  it.each(['https://elsewhere.example/', '//elsewhere.example/', '/\\elsewhere.example', 'javascript:alert(1)', '/login?back=/x', ['/a'], undefined])(
    'leads nowhere but to a page of ours: %s',
    (asked) => {
      expect(wayBack(asked)).toBe('/')
    },
  )

  it('leads to the page that was asked for', () => {
    expect(wayBack('/tickets/7?tab=files')).toBe('/tickets/7?tab=files')
  })
})
