import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import axe from 'axe-core'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { useSession } from '@/session/store'

import FloorPage from './FloorPage.vue'
import HistoryPage from './HistoryPage.vue'
import type { BoardBody, Floor } from './types'
import WallboardPage from './WallboardPage.vue'

/** The line's end of the figures' socket. */
class Peer extends EventTarget {
  static readonly OPEN = 1
  static made: Peer[] = []
  readyState = 0

  constructor(readonly url: URL) {
    super()
    Peer.made.push(this)
  }

  send(): void {
    // Pages say nothing here.
  }

  close(): void {
    this.readyState = 3
  }

  opens(): void {
    this.readyState = Peer.OPEN
    this.dispatchEvent(new Event('open'))
  }

  says(kind: string, body: unknown): void {
    this.dispatchEvent(new MessageEvent('message', { data: JSON.stringify({ cursor: '1-0', kind, body }) }))
  }

  ends(code: number): void {
    this.dispatchEvent(Object.assign(new Event('close'), { code, reason: '' }))
  }
}

const today = {
  offered: 30,
  answered: 24,
  abandoned: 6,
  short_abandoned: 0,
  connection_rate: 0.8,
  promptness: 0.75,
  service_level: 0.7,
  abandonment: 0.2,
  average_answer_ms: 9_000,
}

function hello(): BoardBody {
  const now = Date.now()
  const agent = { reason: '', since_ms: now - 65_000, queue: '', calls: 3, missed: 1, talk_ms: 0 }
  return {
    queues: {
      general: { ...today, name: '综合座席组', waiting: 2, longest_since_ms: now - 90_000, ready: 1, talking: 1, wrap_up: 0 },
    },
    agents: {
      '1001': { ...agent, extension: '8001', state: 'TALKING', queue: 'general' },
      '1002': { ...agent, extension: '8002', state: 'NOT_READY', reason: '小休' },
    },
    line: { ...today, waiting: 2, longest_since_ms: now - 90_000, agents: { TALKING: 1, NOT_READY: 1 }, connection_rate_24h: 0.9 },
    kept_up: true,
    at_ms: now,
  }
}

const seat = { team: 'one', reason: '', since_ms: 0, call: null, queue: '', supervised: [] }
const FLOOR: Floor = {
  agents: [
    { ...seat, agent: '1001', name: '李', extension: '8001', state: 'TALKING', call: 'ast1-1.1', queue: 'general' },
    { ...seat, agent: '1002', name: '王', extension: '8002', state: 'NOT_READY', reason: '小休' },
  ],
  own: null,
}
const WAITING = [
  { call: 'ast1-1.2', queue: 'general', position: 1, hotline: '12345', entered_ms: 0, place_ms: 0, waited_ms: 90_000, groups: [], prefer: '1001' },
]
const DAY = {
  rows: [{ subject: '12345', starts_at: '2026-11-22T04:00:00Z', counts: { offered: 3, answered: 2, answered_promptly: 1 }, figures: {} }],
  total: { counts: { offered: 3, answered: 2 }, figures: { connection_rate: 2 / 3, promptness: 0.5 } },
}

const asked: [string, string, unknown][] = []
let refused: Record<string, [number, string]> = {}

/** The interface: what is read above, and a refusal where a test says so. */
async function answer(path: string, init: RequestInit = {}): Promise<Response> {
  const method = init.method ?? 'GET'
  const where = path.split('?')[0] ?? path
  if (method !== 'GET') asked.push([method, where, init.body ? JSON.parse(String(init.body)) : null])
  const [status, code] = refused[where] ?? [200, '']
  const told: Record<string, unknown> = {
    '/api/floor': FLOOR,
    '/api/supervision/waiting': WAITING,
    '/api/figures/live': hello(),
    '/api/figures/history': DAY,
    '/api/teams': [{ team: 'one', name: '综合一班', agents: ['1001'], supervisors: ['li'] }],
    '/api/floor/messages': [],
  }
  const body = status >= 400 ? { code, detail: 'refused', remedy: '' } : (told[where] ?? {})
  return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } })
}

let page: VueWrapper | null = null

async function open(component: Parameters<typeof mount>[0]): Promise<VueWrapper> {
  page = mount(component, { attachTo: document.body })
  await flushPromises()
  const peer = Peer.made.at(-1)
  peer?.opens()
  peer?.says('hello', hello())
  await flushPromises()
  return page
}

/** Without colours, which nothing draws here; tests/pages has them. */
async function accessible(): Promise<string[]> {
  const rules = { 'color-contrast': { enabled: false }, region: { enabled: false }, 'target-size': { enabled: false } }
  const found = await axe.run(document.body, { rules, resultTypes: ['violations'] })
  return found.violations
    .filter((one) => !['html-has-lang', 'document-title', 'landmark-one-main', 'bypass'].includes(one.id))
    .map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`)
}

beforeEach(() => {
  setActivePinia(createPinia())
  useSession().person = { login: 'li', name: '李', roles: ['supervisor'], work_number: null, extension: null, unit_id: null }
  vi.stubGlobal('WebSocket', Peer)
  vi.stubGlobal('fetch', answer)
  localStorage.clear()
  Peer.made = []
  asked.length = 0
  refused = {}
})

afterEach(() => {
  page?.unmount()
  page = null
  document.body.innerHTML = ''
  vi.unstubAllGlobals()
})

describe('the wallboard', () => {
  it('shows what the socket tells, marks what is beyond, and says when it is old', async () => {
    const wall = await open(WallboardPage)
    expect(wall.get('[data-figure="waiting"] dd').text()).toBe('2')
    expect(wall.get('[data-figure="connection"]').text()).toContain('80.0%')
    expect(wall.get('[data-figure="connection"]').text()).toContain('超限')
    expect(wall.get('[data-agent="1002"]').text()).toContain('小休')
    expect(wall.get('.alarms').text()).toContain('综合座席组等待过久')
    expect(await accessible()).toEqual([])
    Peer.made[0]!.says('figures', { line: { waiting: 7 }, gone: { agents: ['1002'] } })
    await flushPromises()
    expect(wall.get('[data-figure="waiting"] dd').text()).toBe('7')
    expect(wall.find('[data-agent="1002"]').exists()).toBe(false)
    Peer.made[0]!.ends(1006)
    await flushPromises()
    expect(wall.get('[role="alert"]').text()).toContain('连接中断')
  })
})

describe('the supervisor’s desk', () => {
  it('has the own agents, the calls that wait, and what can be done with each', async () => {
    const desk = await open(FloorPage)
    const rows = desk.findAll('table[aria-label="座席"] tbody tr')
    expect(rows.map((row) => row.text().slice(0, 4))).toEqual(['1001', '1002'])
    expect(desk.get('table[aria-label="排队的来电"] tbody').text()).toContain('放开')
    await rows[0]!.trigger('click')
    expect(desk.get('section[aria-label="话务员 1001 李"]').text()).toContain('通话中')
    expect(await accessible()).toEqual([])
  })

  it('asks for a state with its reason, and shows a refusal where it was asked for', async () => {
    const desk = await open(FloorPage)
    await desk.findAll('table[aria-label="座席"] tbody tr')[0]!.trigger('click')
    const panel = desk.get('section[aria-label="话务员 1001 李"]')
    await panel.get('select').setValue('READY')
    await panel.get('form input').setValue(' 忘记示闲 ')
    await panel.get('form').trigger('submit')
    await flushPromises()
    expect(asked).toEqual([['POST', '/api/supervision/agents/1001/state', { state: 'READY', reason: '忘记示闲' }]])
    expect(panel.get('[role="status"]').text()).toContain('通话结束后生效')
    refused = { '/api/floor/1001/listen': [403, 'supervision.other_team'] }
    await panel.get('.phone input').setValue('8090')
    await panel.findAll('button').find((button) => button.text() === '监听')!.trigger('click')
    await flushPromises()
    expect(asked.at(-1)).toEqual(['POST', '/api/floor/1001/listen', { extension: '8090' }])
    expect(panel.get('[role="alert"]').text()).toContain('不在您的班组')
    expect(await accessible()).toEqual([])
  })
})

describe('a day', () => {
  it('is a chart and a table that say the same', async () => {
    const day = await open(HistoryPage)
    expect(day.get('svg[role="img"]').attributes('aria-label')).toContain('请求人工 3 个')
    expect(day.findAll('tbody td').map((cell) => cell.text())).toEqual(['3', '2', '0', '66.7%', '50.0%'])
    expect(await accessible()).toEqual([])
  })
})
