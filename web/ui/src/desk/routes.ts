import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/desk',
    name: 'desk',
    component: () => import('./DeskPage.vue'),
    meta: { title: '坐席台', roles: ['agent', 'expert'], nav: { group: '话务', order: 1 }, wide: true },
  },
] satisfies RouteRecordRaw[]
