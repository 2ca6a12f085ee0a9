import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/reports',
    name: 'reports',
    component: () => import('./ReportsPage.vue'),
    meta: {
      title: '报表',
      roles: [
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
      ],
      nav: { group: '工单', order: 15 },
    },
  },
  {
    path: '/audit',
    name: 'audit',
    component: () => import('./AuditPage.vue'),
    meta: { title: '审计日志', roles: ['auditor', 'admin'], nav: { group: '管理', order: 77 } },
  },
] satisfies RouteRecordRaw[]
