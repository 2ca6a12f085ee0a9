import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/visits',
    name: 'visits',
    component: () => import('./VisitsPage.vue'),
    meta: { title: '回访', roles: ['visit_agent', 'supervisor', 'auditor', 'admin'], nav: { group: '工单', order: 11 } },
  },
] satisfies RouteRecordRaw[]
