import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/admin/staff',
    name: 'admin-staff',
    component: () => import('./StaffPage.vue'),
    meta: { title: '人员与角色', roles: ['auditor', 'admin'], nav: { group: '管理', order: 72 } },
  },
] satisfies RouteRecordRaw[]
