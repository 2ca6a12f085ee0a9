import type { RouteRecordRaw } from 'vue-router'

const roles = ['supervisor', 'admin'] as const

export default [
  {
    path: '/floor',
    name: 'floor',
    component: () => import('./FloorPage.vue'),
    meta: { title: '班长台', roles: [...roles], nav: { group: '现场', order: 30 } },
  },
  {
    path: '/wallboard',
    name: 'wallboard',
    component: () => import('./WallboardPage.vue'),
    meta: { title: '现场大屏', roles: [...roles], nav: { group: '现场', order: 31 } },
  },
  {
    path: '/floor/history',
    name: 'floor-history',
    component: () => import('./HistoryPage.vue'),
    meta: { title: '话务走势', roles: [...roles], nav: { group: '现场', order: 32 } },
  },
] satisfies RouteRecordRaw[]
