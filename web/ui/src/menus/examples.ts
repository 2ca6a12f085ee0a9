/** A flow for tests of the model. */
import { freshNode, prompt } from './edits'
import type { Flow } from './types'

export function twoKeys(): Flow {
  return {
    flow: 'two-keys',
    name: '两键导航',
    language: 'zh-CN',
    entry: 'start',
    nodes: {
      start: { ...freshNode('entry'), next: 'choose' },
      choose: {
        ...freshNode('menu'),
        prompt: prompt('市民服务请按一，企业服务请按二。'),
        options: { '2': { label: '企业服务', next: 'enterprises' }, '1': { label: '市民服务', next: 'citizens' } },
        on_timeout: 'citizens',
        on_wrong: null,
      },
      citizens: freshNode('queue'),
      enterprises: { ...freshNode('queue'), queue: 'enterprise' },
      alone: { ...freshNode('say'), prompt: prompt('没有人来'), next: 'gone' },
    },
    cases: [
      {
        name: '按1',
        at: '2026-11-23T10:00',
        line: '12345',
        keys: ['1'],
        tags: [],
        answers: { citizens: null, 'two-keys.choose': {}, other: null },
        expect: { at: 'queue', of: null, within_seconds: 16 },
      },
    ],
  }
}
