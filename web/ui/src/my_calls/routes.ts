import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/my-calls',
    name: 'my-calls',
    component: () => import('./MyCallsPage.vue'),
    meta: { title: '我的通话', roles: ['agent', 'expert'], nav: { group: '话务', order: 2 } },
  },
] satisfies RouteRecordRaw[]
