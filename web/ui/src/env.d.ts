/// <reference types="vite/client" />

import 'vue-router'

import type { Role } from '@/session/roles'
import type { Person } from '@/session/store'

declare module 'vue-router' {
  interface RouteMeta {
    /** Shown in the browser's title and in the navigation. */
    title: string
    /** Who may see it; empty: everybody who is signed in. */
    roles: readonly Role[]
    /** Without it the route is not in the navigation. */
    nav?: {
      group: string
      order: number
      /** Who of the roles finds it there; without it all of them. */
      when?: (person: Person) => boolean
    }
    /** Pages that need no login. */
    open?: boolean
    /** Pages that fill the window: no navigation at the side. */
    wide?: boolean
  }
}
