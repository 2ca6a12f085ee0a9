import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/login',
    name: 'login',
    component: () => import('./LoginPage.vue'),
    meta: { title: '登录', roles: [], open: true },
  },
  {
    path: '/account',
    name: 'account',
    component: () => import('./AccountPage.vue'),
    meta: { title: '我的账号', roles: [] },
  },
] satisfies RouteRecordRaw[]
