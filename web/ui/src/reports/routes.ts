import type { RouteRecordRaw } from 'vue-router'

import type { Role } from '@/session/roles'

/** Who reads figures (`web/figure_access.py`). */
const readers: Role[] = [
  'supervisor',
  'dispatcher',
  'unit_handler',
  'unit_head',
  'unit_leader',
  'county_body',
  'government_leader',
  'inspector',
  'auditor',
  'admin',
]

export default [
  {
    path: '/reports',
    name: 'reports',
    component: () => import('./ReportsPage.vue'),
    meta: { title: '报表', roles: readers, nav: { group: '工单', order: 15 } },
  },
  {
    path: '/bulletins',
    name: 'bulletins',
    component: () => import('./BulletinsPage.vue'),
    meta: { title: '通报', roles: readers, nav: { group: '工单', order: 16 } },
  },
  {
    path: '/audit',
    name: 'audit',
    component: () => import('./AuditPage.vue'),
    meta: { title: '审计日志', roles: ['auditor', 'admin'], nav: { group: '管理', order: 77 } },
  },
] satisfies RouteRecordRaw[]
