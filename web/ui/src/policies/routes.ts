import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/admin/policies',
    name: 'policies',
    component: () => import('./PoliciesPage.vue'),
    meta: { title: '办件规则', roles: ['supervisor', 'dispatcher', 'auditor', 'admin'], nav: { group: '管理', order: 75 } },
  },
  {
    path: '/admin/policies/new',
    name: 'new-policy',
    component: () => import('./NewPolicyPage.vue'),
    meta: { title: '制定新版办件规则', roles: ['admin'] },
  },
] satisfies RouteRecordRaw[]
