import { describe, expect, it } from 'vitest'

import { actionWords, addressOf, changes, filtersOf, queryOf, subjectWords, verdictWords, type Entry } from './audit'

const entry: Entry = { seq: 1, at: '', actor: 'admin', action: 'queue.saved', subject: 'queue:night', before: null, after: null, hash: '' }

describe('the audit log in words', () => {
  it('says what was done to what, and shows a code that it has no word for', () => {
    expect(actionWords('queue.saved')).toBe('队列：保存')
    expect(actionWords('round.closed')).toBe('回访批次：结束')
    expect(actionWords('round.newer_deed')).toBe('回访批次：newer_deed')
    expect(subjectWords('publication:bulletin:2026-10')).toBe('已发布通报 bulletin:2026-10')
    expect(subjectWords('audit')).toBe('审计日志')
  })

  it('shows the fields that differ alone', () => {
    const changed = { ...entry, before: { name: '夜间', version: 1 }, after: { name: '夜班', version: 1, limit: null, steps: [1] } }
    expect(changes(changed)).toEqual([
      { field: 'name', before: '夜间', after: '夜班' },
      { field: 'steps', before: '—', after: '[\n 1\n]' },
    ])
    expect(changes({ ...entry, after: 'x' })).toEqual([{ field: '内容', before: '—', after: 'x' }])
    expect(changes(entry)).toEqual([])
  })

  it('says where the chain breaks', () => {
    const verdict = { intact: false, seq: 2, hash: '', witnessed: 0, pending: 0, why: 'a row is missing at 2' }
    expect(verdictWords(verdict)).toContain('第 2 条断开')
    expect(verdictWords({ ...verdict, seq: 0, why: 'audit.not_witnessed' })).toContain('没有见证记录')
  })
})

describe('its filters', () => {
  it('are an address, and whole days of the city for the line', () => {
    const filters = filtersOf({ from: '2026-11-20', to: '2026-11-20', actor: [' '], other: 'x', subject: ' queue ' })
    expect(addressOf(filters)).toEqual({ from: '2026-11-20', to: '2026-11-20', subject: 'queue' })
    expect(queryOf(filters)).toMatchObject({ from: '2026-11-19T16:00:00.000Z', to: '2026-11-20T16:00:00.000Z', actor: '' })
  })
})
