import {
  createRouter,
  createWebHistory,
  type RouteLocationNormalized,
  type Router,
  type RouteRecordRaw,
} from 'vue-router'

import { useSession } from '@/session/store'

import { startOf } from './navigation'
import { wayBack } from './wayBack'

const areas = import.meta.glob<RouteRecordRaw[]>('../*/routes.ts', { eager: true, import: 'default' })

/** Every page, from the areas' own `routes.ts`. */
export const routes: RouteRecordRaw[] = [
  { path: '/', name: 'start', component: () => import('./StartPage.vue'), meta: { title: '首页', roles: [] } },
  ...Object.values(areas).flat(),
  {
    path: '/:rest(.*)*',
    name: 'unknown',
    component: () => import('./UnknownPage.vue'),
    meta: { title: '没有这个页面', roles: [], open: true },
  },
]

/** Lets nobody in who is not signed in; whether the person's roles suffice the shell shows in place. */
async function guard(to: RouteLocationNormalized) {
  const session = useSession()
  if (to.meta.open && to.name !== 'login') return true
  await session.load()
  if (to.name === 'login') return session.person ? wayBack(to.query.back) : true
  if (!session.person) return { name: 'login', query: to.path === '/' ? {} : { back: to.fullPath } }
  if (to.name === 'start') return startOf(routes, session.person) ?? true
  return true
}

export function makeRouter(): Router {
  const router = createRouter({
    history: createWebHistory(),
    routes,
    scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? {} : { top: 0 }),
  })
  router.beforeEach(guard)
  return router
}
