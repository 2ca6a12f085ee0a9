import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/rosters',
    name: 'rosters',
    component: () => import('./RosterPage.vue'),
    meta: {
      title: '排班',
      roles: ['agent', 'expert', 'supervisor', 'unit_handler', 'unit_head', 'admin'],
      nav: { group: '现场', order: 33 },
    },
  },
] satisfies RouteRecordRaw[]
