import { describe, expect, it } from 'vitest'

import { Problem } from '../api/problem'
import { addNode, connect, setField } from './edits'
import { twoKeys } from './examples'
import { byNode, fieldsFor, inOrder, unreadable } from './findings'
import { NODE_HEIGHT, NODE_WIDTH, draw, neighbour } from './layout'
import { above, outline, visible } from './outline'
import { endWords, grouped, heardSoFar, leftOf, litIn } from './simulation'
import type { Finding, Simulated } from './types'
import { begin, done, redo, undo } from './undo'
import { branchOf, branchWords, linesLabel, summary, testWords, waysOut } from './ways'

describe('ways out', () => {
  it('come by keys as on a telephone, then the others', () => {
    const ways = waysOut(twoKeys().nodes.choose!)
    expect(ways.map((way) => way.field)).toEqual(['options.1.next', 'options.2.next', 'on_timeout', 'on_wrong'])
    expect(ways.map((way) => branchOf(way.field))).toEqual(['key 1', 'key 2', 'on_timeout', 'on_wrong'])
    expect(branchOf('cases.0.next')).toBe('case 1')
    expect(branchWords(twoKeys().nodes.choose, 'key 1')).toBe('按 1 市民服务')
    expect(branchWords(undefined, 'hung_up')).toBe('来电人挂机')
  })

  it('share one label where they lead to the same node', () => {
    const ways = waysOut(twoKeys().nodes.choose ?? { type: 'entry' })
    expect(linesLabel(ways)).toBe('1 市民服务；2 企业服务')
    expect(linesLabel(ways.slice(2))).toBe('不按键、按错')
  })

  it('are told in words for every test', () => {
    expect(testWords({ test: 'time', opens: '22:00:00', closes: '06:00:00' })).toBe('22:00 至 06:00')
    expect(testWords({ test: 'day', kinds: ['weekend', 'holiday'] })).toBe('周末、节假日')
    expect(testWords({ test: 'queue', queue: 'night', waiting: 5, nobody_ready: true })).toBe('队列 night 等候满 5 人或无人签入')
    expect(summary(twoKeys().nodes.enterprises!)).toBe('队列 enterprise')
  })
})

describe('undo and redo', () => {
  it('take typing in one field as one step', () => {
    let steps = begin('')
    steps = done(steps, '您', 'choose/prompt')
    steps = done(steps, '您好', 'choose/prompt')
    steps = done(steps, '您好！', 'other')
    expect(undo(steps).present).toBe('您好')
    expect(undo(undo(steps)).present).toBe('')
    expect(redo(undo(steps)).present).toBe('您好！')
    expect(undo(undo(undo(steps))).present).toBe('')
  })

  it('forget what was undone when something else is done', () => {
    const steps = done(undo(done(begin(1), 2)), 3)
    expect(redo(steps).present).toBe(3)
    expect(undo(steps).present).toBe(1)
  })

  it('do not join typing across an undo', () => {
    const steps = done(undo(done(done(begin('a'), 'b', 'x'), 'c', 'y')), 'd', 'x')
    expect(undo(steps).present).toBe('b')
  })
})

describe('outline', () => {
  it('has every node once, every way, and what nothing leads to at the end', () => {
    const rows = outline(twoKeys())
    expect(rows.map((row) => [row.kind, row.depth, row.node])).toEqual([
      ['node', 0, 'start'],
      ['node', 0, 'choose'],
      ['node', 1, 'citizens'],
      ['node', 1, 'enterprises'],
      ['link', 1, 'citizens'],
      ['open', 1, null],
      ['node', 0, 'alone'],
      ['missing', 0, 'gone'],
    ])
    expect(rows.map((row) => row.loose)).toEqual([false, false, false, false, false, false, true, false])
    expect(new Set(rows.map((row) => row.key)).size).toBe(rows.length)
    expect(rows[1]?.branches).toBe(4)
  })

  it('hides what stands under a closed row, and knows what to open', () => {
    const rows = outline(twoKeys())
    expect(visible(rows, new Set(['choose'])).map((row) => row.key)).toEqual(['start', 'choose', 'alone', 'alone/next'])
    expect(above(rows, 'enterprises')).toEqual(['choose'])
  })

  it('ends where a flow goes round', () => {
    const flow = connect(twoKeys(), 'choose', 'on_wrong', 'choose')
    expect(outline(flow).filter((row) => row.node === 'choose').map((row) => row.kind)).toEqual(['node', 'link'])
  })

  it('holds a long chain', () => {
    let flow = twoKeys()
    for (let count = 0; count < 190; count += 1) flow = addNode(flow, 'say', { of: 'start', field: 'next' }).flow
    expect(outline(flow).filter((row) => row.kind === 'node')).toHaveLength(195)
  })
})

describe('layout', () => {
  it('lays no two nodes over each other and leads down', () => {
    const { spots, lines } = draw(twoKeys())
    expect(spots.map((spot) => spot.id).sort()).toEqual(Object.keys(twoKeys().nodes).sort())
    for (const one of spots) {
      for (const other of spots) {
        if (one === other) continue
        expect(Math.abs(one.x - other.x) >= NODE_WIDTH || Math.abs(one.y - other.y) >= NODE_HEIGHT).toBe(true)
      }
    }
    const y = (id: string): number => spots.find((spot) => spot.id === id)!.y
    expect(y('start') < y('choose') && y('choose') < y('citizens')).toBe(true)
    expect(lines.map((line) => line.id)).toContain('choose/on_timeout')
    expect(lines.some((line) => line.to === 'gone')).toBe(false)
  })

  it('is the same for the same flow', () => {
    expect(draw(twoKeys())).toEqual(draw(twoKeys()))
  })

  it('knows the neighbour in each direction', () => {
    const { spots } = draw(twoKeys())
    expect(neighbour(spots, 'start', 'down')).toBe('choose')
    expect(neighbour(spots, 'choose', 'up')).toBe('start')
    expect(neighbour(spots, 'start', 'up')).toBeNull()
  })
})

describe('findings', () => {
  const finding = (severity: 'error' | 'warning', node: string, field = ''): Finding => ({
    id: `${node}/${field}`,
    rule: 'shape.branch',
    severity,
    node,
    field,
    message: '',
    remedy: '',
  })

  it('name the nearest field first', () => {
    expect(fieldsFor('options.2.next')).toEqual(['options.2.next', 'options.2', 'options'])
    expect(fieldsFor('')).toEqual([])
  })

  it('stand in the order of the flow, errors first', () => {
    const all = [finding('warning', 'a'), finding('error', 'b'), finding('error', 'a'), finding('error', '')]
    expect(inOrder(all, ['a', 'b']).map((one) => `${one.severity} ${one.node}`)).toEqual([
      'error ',
      'error a',
      'error b',
      'warning a',
    ])
    expect(byNode(all).get('a')).toEqual({ errors: 1, warnings: 1 })
  })

  it('tell where a text cannot be read', () => {
    const problem = new Problem(422, {
      code: 'menu.file_unreadable',
      wrong: [{ where: 'nodes.choose.options.2.label', why: 'nodes.choose.options.2.label：太长、太短或项数不对；至少 1' }],
    })
    expect(unreadable(problem)).toMatchObject([
      { severity: 'error', node: 'choose', field: 'options.2.label', message: '太长、太短或项数不对', remedy: '至少 1' },
    ])
  })
})

describe('simulation', () => {
  const played: Simulated = {
    at: 'queue',
    of: null,
    why: 'queue',
    seconds: 40,
    human_seconds: 40,
    path: ['two-keys.start: next', 'two-keys.choose: on_timeout', 'two-keys.citizens: end'],
    transcript: [
      { seconds: 0, flow: 'two-keys', node: 'choose', what: 'say', text: '请按' },
      { seconds: 9, flow: 'two-keys', node: 'choose', what: 'say', text: '请按' },
    ],
    nodes_left: [],
    branches_left: [],
    asked: { flow: 'two-keys', node: 'choose', told: 1, left: 1 },
  }

  it('stops where the caller is asked', () => {
    const heard = heardSoFar(played)
    expect(heard.steps).toHaveLength(1)
    expect(heard.asking?.node).toBe('choose')
    expect([...litIn('two-keys', heard)]).toEqual(['start', 'start/next', 'choose'])
    expect(heardSoFar(played, true).lit).toHaveLength(3)
    expect(heardSoFar({ ...played, asked: null }).asking).toBeNull()
  })

  it('reads paths and tells ends', () => {
    expect(leftOf('two-keys.choose: key 2')).toEqual({ flow: 'two-keys', node: 'choose', branch: 'key 2' })
    expect(endWords(played)).toBe('队列')
    expect(endWords({ ...played, at: 'human', why: 'timeout' })).toBe('人工（任何方式）（等待按键超时）')
  })

  it('joins keys', () => {
    const key = (text: string) => ({ seconds: 1, flow: 'f', node: 'n', what: 'key' as const, text })
    expect(grouped([key('1'), key('2'), { ...key('3'), node: 'm' }]).map((one) => one.text)).toEqual(['12', '3'])
  })
})

it('fields of a node are set without touching its neighbours', () => {
  const flow = twoKeys()
  const changed = setField(flow, 'choose', 'prompt.text', '请选择')
  expect(changed.nodes.citizens).toBe(flow.nodes.citizens)
  expect(changed.nodes.choose?.options).toBe(flow.nodes.choose?.options)
})
