import type { RouteRecordRaw } from 'vue-router'

const roles = ['supervisor', 'auditor', 'admin'] as const

export default [
  {
    path: '/menus',
    name: 'menus',
    component: () => import('./MenuListPage.vue'),
    meta: { title: '语音菜单', roles: [...roles], nav: { group: '语音菜单', order: 50 } },
  },
  {
    path: '/menus/prompts',
    name: 'menu-prompts',
    component: () => import('./PromptsPage.vue'),
    meta: { title: '提示音工作室', roles: [...roles], nav: { group: '语音菜单', order: 51 } },
  },
  {
    path: '/menus/lines',
    name: 'menu-lines',
    component: () => import('./LineMenusPage.vue'),
    meta: { title: '线路与菜单', roles: [...roles], nav: { group: '语音菜单', order: 52 } },
  },
  {
    path: '/menus/flows/:flow([a-z][a-z0-9-]*)',
    name: 'menu-editor',
    component: () => import('./MenuEditorPage.vue'),
    meta: { title: '编辑语音菜单', roles: [...roles], wide: true },
  },
] satisfies RouteRecordRaw[]
