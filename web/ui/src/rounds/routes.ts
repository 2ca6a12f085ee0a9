import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/rounds',
    name: 'rounds',
    component: () => import('./RoundsPage.vue'),
    meta: { title: '回访批次', roles: ['visit_agent', 'supervisor', 'admin'], nav: { group: '工单', order: 12 } },
  },
] satisfies RouteRecordRaw[]
