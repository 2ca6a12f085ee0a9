import type { RouteRecordRaw } from 'vue-router'

import { maySee } from '@/session/roles'
import type { Person } from '@/session/store'

export interface Entry {
  path: string
  title: string
  order: number
}

export interface Group {
  name: string
  entries: Entry[]
}

/** The order of groups in the navigation; those that are not named here follow by name. */
const GROUPS = ['话务', '工单', '现场', '知识', '菜单', '管理']

/** What somebody finds in the navigation, by group; nobody finds nothing. */
export function navigation(routes: readonly RouteRecordRaw[], person: Person | null): Group[] {
  const groups = new Map<string, Entry[]>()
  for (const route of routes) {
    const { meta } = route
    if (!person || !meta?.nav || !maySee(person.roles, meta.roles) || meta.nav.when?.(person) === false) continue
    const entries = groups.get(meta.nav.group) ?? []
    entries.push({ path: route.path, title: meta.title, order: meta.nav.order })
    groups.set(meta.nav.group, entries)
  }
  const place = (name: string): number => (GROUPS.includes(name) ? GROUPS.indexOf(name) : GROUPS.length)
  return [...groups]
    .map(([name, entries]) => ({ name, entries: entries.sort((a, b) => a.order - b.order) }))
    .sort((a, b) => place(a.name) - place(b.name) || a.name.localeCompare(b.name, 'zh-CN'))
}

/** The page somebody begins the day on: the first of their navigation. */
export function startOf(routes: readonly RouteRecordRaw[], person: Person | null): string | null {
  return navigation(routes, person)[0]?.entries[0]?.path ?? null
}
