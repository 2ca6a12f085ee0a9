import { describe, expect, it } from 'vitest'

import {
  addCase,
  addNode,
  addOption,
  changeKey,
  changeType,
  connect,
  freshNode,
  getAt,
  moveWay,
  removeNode,
  renameNode,
  setField,
  whyNotName,
} from './edits'
import { twoKeys } from './examples'
import { optionsOf, waysOut } from './ways'
import { TYPE_NAMES } from './words'
import type { NodeType } from './types'

describe('operations on a flow', () => {
  it('never change the flow they are given', () => {
    const flow = twoKeys()
    const before = JSON.stringify(flow)
    addNode(flow, 'say', { of: 'start', field: 'next' })
    removeNode(flow, 'citizens')
    renameNode(flow, 'choose', 'main')
    setField(flow, 'choose', 'options.1.label', '新')
    moveWay(flow, 'choose', 'options.1.next', 1)
    expect(JSON.stringify(flow)).toBe(before)
  })

  it('put a new node into a way, and lead on to where the way led', () => {
    const { flow, id } = addNode(twoKeys(), 'say', { of: 'start', field: 'next' })
    expect(id).toBe('say_1')
    expect(flow.nodes.start?.next).toBe('say_1')
    expect(flow.nodes.say_1?.next).toBe('choose')
    const again = addNode(flow, 'say')
    expect(again.id).toBe('say_2')
    expect(again.flow.nodes.say_2?.next).toBeNull()
  })

  it('put a node that does not lead on to the end of the way', () => {
    const { flow } = addNode(twoKeys(), 'hangup', { of: 'choose', field: 'options.1.next' })
    expect(getAt(flow.nodes.choose, 'options.1.next')).toBe('hangup_1')
    expect('next' in (flow.nodes.hangup_1 ?? {})).toBe(false)
  })

  it('take a node away and close the gap', () => {
    const { flow } = addNode(twoKeys(), 'say', { of: 'start', field: 'next' })
    expect(removeNode(flow, 'say_1').nodes.start?.next).toBe('choose')
    const without = removeNode(flow, 'citizens')
    expect(getAt(without.nodes.choose, 'options.1.next')).toBeNull()
    expect(without.nodes.choose?.on_timeout).toBeNull()
    expect(removeNode(flow, 'start')).toBe(flow)
  })

  it('take a node away that leads to itself', () => {
    const flow = connect(twoKeys(), 'alone', 'next', 'alone')
    expect(removeNode(flow, 'alone').nodes.alone).toBeUndefined()
  })

  it('rename a node wherever it is named', () => {
    const flow = renameNode(renameNode(twoKeys(), 'choose', 'main'), 'citizens', 'people')
    expect(Object.keys(flow.nodes)).toEqual(['start', 'main', 'people', 'enterprises', 'alone'])
    expect(flow.nodes.start?.next).toBe('main')
    expect(getAt(flow.nodes.main, 'options.1.next')).toBe('people')
    expect(flow.nodes.main?.on_timeout).toBe('people')
    expect(Object.keys(flow.cases[0]?.answers ?? {})).toEqual(['people', 'two-keys.main', 'other'])
    expect(renameNode(flow, 'start', 'first').entry).toBe('first')
  })

  it('refuse names that are taken or not written as names are', () => {
    const flow = twoKeys()
    expect(whyNotName(flow, 'choose', 'citizens')).toContain('已有')
    expect(whyNotName(flow, 'choose', '中文')).not.toBeNull()
    expect(whyNotName(flow, 'choose', 'choose')).toBeNull()
    expect(renameNode(flow, 'choose', 'citizens')).toBe(flow)
  })

  it('swap keys and move cases', () => {
    const swapped = moveWay(twoKeys(), 'choose', 'options.1.next', 1)
    expect(swapped.field).toBe('options.2.next')
    expect(optionsOf(swapped.flow.nodes.choose!)['2']?.label).toBe('市民服务')
    expect(optionsOf(swapped.flow.nodes.choose!)['1']?.label).toBe('企业服务')
    const end = moveWay(twoKeys(), 'choose', 'options.2.next', 1)
    expect(end.flow).toEqual(twoKeys())
    const { flow, id } = addNode(twoKeys(), 'condition')
    const two = setField(addCase(flow, id, 'line'), id, 'cases.1.next', 'citizens')
    const moved = moveWay(two, id, 'cases.1.next', -1)
    expect(moved.field).toBe('cases.0.next')
    expect(getAt(moved.flow.nodes[id], 'cases.0.when.test')).toBe('line')
    expect(getAt(moved.flow.nodes[id], 'cases.0.next')).toBe('citizens')
  })

  it('give an option a free key or a taken one', () => {
    const free = changeKey(twoKeys(), 'choose', '1', '9')
    expect(Object.keys(optionsOf(free.nodes.choose!)).sort()).toEqual(['2', '9'])
    const added = addOption(twoKeys(), 'choose')
    expect(optionsOf(added.nodes.choose!)['3']).toEqual({ label: '选项3', next: null })
  })

  it('take entries of maps and lists away', () => {
    const flow = setField(twoKeys(), 'choose', 'options.1', undefined)
    expect(Object.keys(optionsOf(flow.nodes.choose!))).toEqual(['2'])
    const { flow: more, id } = addNode(flow, 'condition')
    expect(getAt(setField(more, id, 'cases.0', undefined).nodes[id], 'cases')).toEqual([])
  })

  it('keep what both types have when the type changes', () => {
    const flow = changeType(setField(twoKeys(), 'alone', 'note', '备注'), 'alone', 'hangup')
    expect(flow.nodes.alone).toMatchObject({ type: 'hangup', note: '备注', prompt: { text: '没有人来' } })
    expect(flow.nodes.alone).not.toHaveProperty('next')
    expect(changeType(flow, 'start', 'say')).toBe(flow)
  })

  it('begin every type with all its ways open', () => {
    for (const type of Object.keys(TYPE_NAMES) as NodeType[]) {
      const node = freshNode(type)
      expect(node.type).toBe(type)
      for (const way of waysOut(node)) expect(way.to, `${type} ${way.field}`).toBeNull()
    }
  })
})
