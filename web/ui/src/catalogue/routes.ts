import type { RouteRecordRaw } from 'vue-router'

const readers = ['supervisor', 'dispatcher', 'auditor', 'admin'] as const

export default [
  {
    path: '/admin/catalogue',
    name: 'catalogue',
    component: () => import('./CataloguePage.vue'),
    meta: { title: '派单目录', roles: [...readers], nav: { group: '管理', order: 72 } },
  },
  {
    path: '/admin/categories',
    name: 'categories',
    component: () => import('./CategoriesPage.vue'),
    meta: { title: '事项分类', roles: [...readers], nav: { group: '管理', order: 73 } },
  },
  {
    path: '/admin/units',
    name: 'units',
    component: () => import('./UnitsPage.vue'),
    meta: { title: '承办单位', roles: [...readers], nav: { group: '管理', order: 74 } },
  },
] satisfies RouteRecordRaw[]
