import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/admin/lines',
    name: 'admin-lines',
    component: () => import('./LinesPage.vue'),
    meta: { title: '号码与受理方式', roles: ['supervisor', 'auditor', 'admin'], nav: { group: '管理', order: 70 } },
  },
  {
    path: '/admin/calendar',
    name: 'admin-calendar',
    component: () => import('./CalendarPage.vue'),
    meta: { title: '工作日历', roles: ['supervisor', 'auditor', 'admin'], nav: { group: '管理', order: 72 } },
  },
  {
    path: '/admin/contacts',
    name: 'admin-contacts',
    component: () => import('./ContactsPage.vue'),
    meta: { title: '单位与联系人', roles: ['supervisor', 'dispatcher', 'auditor', 'admin'], nav: { group: '管理', order: 71 } },
  },
  {
    path: '/admin/help',
    name: 'admin-help',
    component: () => import('./SignInHelpPage.vue'),
    meta: { title: '登录协助', roles: ['admin'], nav: { group: '管理', order: 78 } },
  },
  {
    path: '/admin/health',
    name: 'admin-health',
    component: () => import('./HealthPage.vue'),
    meta: { title: '系统状态', roles: ['supervisor', 'admin'], nav: { group: '管理', order: 79 } },
  },
] satisfies RouteRecordRaw[]
