import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/admin/hours',
    name: 'admin-hours',
    component: () => import('./HoursPage.vue'),
    meta: { title: '受理时间', roles: ['supervisor', 'auditor', 'admin'], nav: { group: '管理', order: 72 } },
  },
] satisfies RouteRecordRaw[]
