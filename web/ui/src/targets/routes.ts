import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/admin/targets',
    name: 'admin-targets',
    component: () => import('./TargetsPage.vue'),
    meta: { title: '转接对象', roles: ['supervisor', 'dispatcher', 'admin'], nav: { group: '管理', order: 71 } },
  },
] satisfies RouteRecordRaw[]
