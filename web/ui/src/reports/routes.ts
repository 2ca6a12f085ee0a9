import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/audit',
    name: 'audit',
    component: () => import('./AuditPage.vue'),
    meta: { title: '审计日志', roles: ['auditor', 'admin'], nav: { group: '管理', order: 77 } },
  },
] satisfies RouteRecordRaw[]
