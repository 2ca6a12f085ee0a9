import type { RouteRecordRaw } from 'vue-router'

const keepers = ['knowledge_editor', 'supervisor', 'unit_handler', 'unit_head'] as const

export default [
  {
    path: '/knowledge',
    name: 'knowledge',
    component: () => import('./KnowledgePage.vue'),
    meta: { title: '知识库', roles: [...keepers], nav: { group: '知识', order: 40 } },
  },
  {
    path: '/knowledge/new',
    name: 'knowledge-new',
    component: () => import('./NewEntryPage.vue'),
    meta: { title: '新增知识条目', roles: [...keepers] },
  },
  {
    path: '/knowledge/entries/:code([A-Za-z0-9][A-Za-z0-9_.-]{0,59})',
    name: 'knowledge-entry',
    component: () => import('./EntryPage.vue'),
    meta: { title: '知识条目', roles: [...keepers] },
  },
] satisfies RouteRecordRaw[]
