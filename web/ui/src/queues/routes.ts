import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/admin/queues',
    name: 'admin-queues',
    component: () => import('./QueuesPage.vue'),
    meta: { title: '队列', roles: ['supervisor', 'auditor', 'admin'], nav: { group: '管理', order: 74 } },
  },
] satisfies RouteRecordRaw[]
