import type { RouteRecordRaw } from 'vue-router'

import { hears, HEARERS } from './rights'

export default [
  {
    path: '/recordings',
    name: 'recordings',
    component: () => import('./RecordingsPage.vue'),
    meta: { title: '录音', roles: [...HEARERS], nav: { group: '现场', order: 33, when: hears } },
  },
] satisfies RouteRecordRaw[]
