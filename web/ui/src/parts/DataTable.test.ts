import { mount } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'
import { nextTick } from 'vue'

import DataTable from './DataTable.vue'

interface Row {
  id: number
  name: string
}

const rows: Row[] = [1, 2, 3].map((id) => ({ id, name: `第 ${id}` }))

function table(more: Record<string, unknown> = {}) {
  return mount(DataTable<Row>, {
    attachTo: document.body,
    props: { name: '表', columns: [{ key: 'name', title: '名称' }], rows, rowKey: (row: Row) => row.id, ...more },
  })
}

describe('a table', () => {
  it('is one stop for the tabulator, and moves by arrows, Home and End', async () => {
    const shown = table()
    const lines = shown.findAll('tbody tr')
    const stops = (): number[] => lines.map((line) => (line.element as HTMLElement).tabIndex)
    expect(stops()).toEqual([0, -1, -1])
    await lines[0]!.trigger('keydown', { key: 'ArrowDown' })
    await nextTick()
    expect(document.activeElement).toBe(lines[1]!.element)
    expect(stops()).toEqual([-1, 0, -1])
    await lines[1]!.trigger('keydown', { key: 'End' })
    await nextTick()
    expect(document.activeElement).toBe(lines[2]!.element)
    await lines[2]!.trigger('keydown', { key: 'ArrowDown' })
    await nextTick()
    expect(document.activeElement).toBe(lines[2]!.element)
  })

  it('opens by Enter and by a click, but not by a click on a control within', async () => {
    const shown = table({ checkable: true })
    await shown.findAll('tbody tr')[1]!.trigger('keydown', { key: 'Enter' })
    await shown.findAll('tbody tr')[2]!.trigger('click')
    await shown.findAll('tbody input')[0]!.trigger('click')
    expect(shown.emitted('open')).toEqual([[rows[1]], [rows[2]]])
  })

  it('checks by Space, all at once, and forgets rows that are gone', async () => {
    const shown = table({ checkable: true, checked: [] })
    const last = (): unknown => shown.emitted('update:checked')?.at(-1)
    await shown.findAll('tbody tr')[1]!.trigger('keydown', { key: ' ' })
    expect(last()).toEqual([[2]])
    await shown.find('thead input').trigger('change')
    expect(last()).toEqual([[1, 2, 3]])
    await shown.setProps({ checked: [1, 2, 3], rows: rows.slice(0, 1) })
    expect(last()).toEqual([[1]])
  })

  it('says that nothing is here, or what went wrong, never both', async () => {
    const shown = table({ rows: [], empty: '没有待办' })
    expect(shown.text()).toContain('没有待办')
    await shown.setProps({ error: new Error('x') })
    expect(shown.text()).not.toContain('没有待办')
    await shown.get('[role=alert] button').trigger('click')
    expect(shown.emitted('retry')).toHaveLength(1)
  })
})
