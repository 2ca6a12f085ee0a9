import type { RouteRecordRaw } from 'vue-router'
import { describe, expect, it } from 'vitest'

import { navigation, startOf } from './navigation'
import { wayBack } from './wayBack'

const component = {}
const routes: RouteRecordRaw[] = [
  { path: '/units', component, meta: { title: '单位', roles: ['admin'], nav: { group: '管理', order: 1 } } },
  { path: '/desk', component, meta: { title: '坐席台', roles: ['agent'], nav: { group: '话务', order: 2 } } },
  { path: '/first', component, meta: { title: '先', roles: ['agent', 'admin'], nav: { group: '话务', order: 1 } } },
  { path: '/hidden', component, meta: { title: '无', roles: [] } },
]

describe('navigation', () => {
  it('has what the roles may see, groups and entries in order', () => {
    expect(navigation(routes, ['admin']).map((group) => [group.name, ...group.entries.map((one) => one.path)])).toEqual([
      ['话务', '/first'],
      ['管理', '/units'],
    ])
    expect(navigation(routes, ['agent'])[0]?.entries.map((one) => one.path)).toEqual(['/first', '/desk'])
    expect(navigation(routes, ['auditor'])).toEqual([])
  })

  it('begins the day at its first page', () => {
    expect(startOf(routes, ['agent'])).toBe('/first')
    expect(startOf(routes, ['auditor'])).toBeNull()
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
