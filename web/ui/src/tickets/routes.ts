import type { RouteRecordRaw } from 'vue-router'

const workers = [
  'supervisor',
  'dispatcher',
  'visit_agent',
  'unit_handler',
  'unit_head',
  'unit_leader',
  'county_body',
  'government_leader',
  'inspector',
  'auditor',
  'admin',
] as const

export default [
  {
    path: '/tickets',
    name: 'tickets',
    component: () => import('./InboxPage.vue'),
    meta: { title: '工单收件箱', roles: [...workers], nav: { group: '工单', order: 10 } },
  },
  {
    path: '/tickets/:number([A-Z0-9]{1,40})',
    name: 'ticket',
    component: () => import('./TicketPage.vue'),
    meta: { title: '工单', roles: [...workers, 'agent', 'expert'] },
  },
] satisfies RouteRecordRaw[]
