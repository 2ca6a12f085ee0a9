import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/admin/staff',
    name: 'admin-staff',
    component: () => import('./StaffPage.vue'),
    meta: { title: '人员与角色', roles: ['auditor', 'admin'], nav: { group: '管理', order: 72 } },
  },
  {
    path: '/admin/skills',
    name: 'admin-skills',
    component: () => import('./SkillsPage.vue'),
    meta: { title: '技能', roles: ['supervisor', 'admin'], nav: { group: '管理', order: 73 } },
  },
  {
    path: '/admin/teams',
    name: 'admin-teams',
    component: () => import('./TeamsPage.vue'),
    meta: { title: '班组', roles: ['supervisor', 'auditor', 'admin'], nav: { group: '管理', order: 75 } },
  },
] satisfies RouteRecordRaw[]
