import { describe, expect, it } from 'vitest'

import { ALLOWED, empty, may, reduce, type Desk, type Event } from './state'
import type { AgentState, AgentView, Pop } from './types'

const NOW = 1_000_000

function view(state: AgentState, more: Partial<AgentView> = {}): AgentView {
  return {
    agent: '1001',
    extension: '9001',
    state,
    reason: '',
    since_ms: NOW,
    pending: null,
    deadline_ms: null,
    call: null,
    ...more,
  }
}

function pop(call = 't1-1.1', reservation = '1-1'): Pop {
  return {
    reservation,
    call,
    caller: '+8613800000001',
    dialled: '12345',
    line: '政务服务便民热线',
    unit: '',
    waited_ms: 10,
    group: 'general',
    open_tickets: [],
    earlier_calls: [],
    vulnerable: false,
    nuisance: null,
  }
}

function after(...events: Event[]): Desk {
  return events.reduce((desk, event) => reduce(desk, event, NOW), empty())
}

function state(name: AgentState): Event {
  const { agent, extension, reason, pending, since_ms } = view(name)
  return { kind: 'agent_state', cursor: null, body: { agent, extension, reason, pending, since_ms, state: name } }
}

const hello = (name: AgentState, shown: Pop | null = null): Event => ({
  kind: 'hello',
  cursor: '0-0',
  body: { agent: view(name), resumed: false, at_ms: NOW + 500, pop: shown },
})
const popped: Event = { kind: 'pop', cursor: '1-0', body: pop() }
const talk = (of: 'held' | 'talking' | 'consult'): Event => ({
  kind: 'talk',
  cursor: null,
  body: { call: 't1-1.1', state: of, third: of === 'consult' ? '12366' : '' },
})

describe('the desk', () => {
  it('knows how far the server’s clock is ahead', () => {
    expect(after(hello('READY')).ahead).toBe(500)
  })

  it('goes from pop to talk to wrap-up by what the server says alone', () => {
    const offered = after(hello('READY'), popped, state('RESERVED'), state('RINGING'))
    expect(offered.call?.phase).toBe('offered')
    const talking = reduce(offered, state('TALKING'), NOW)
    expect(talking.call?.phase).toBe('talking')
    expect(talking.call?.talkedSince).toBe(NOW)
    const over = reduce(talking, { kind: 'call_ended', cursor: null, body: { call: 't1-1.1', ended_by: 'caller' } }, NOW)
    expect(over.call).toMatchObject({ phase: 'over', endedBy: 'caller' })
    expect(reduce(over, state('WRAP_UP'), NOW).call?.phase).toBe('over')
  })

  it('takes a withdrawn pop away, and only that one', () => {
    const desk = after(hello('READY'), popped)
    const other: Event = { kind: 'pop_withdrawn', cursor: null, body: { reservation: '9-9', call: 'x', outcome: 'BUSY' } }
    expect(reduce(desk, other, NOW).call).not.toBeNull()
    const own: Event = { kind: 'pop_withdrawn', cursor: null, body: { reservation: '1-1', call: 't1-1.1', outcome: 'NO_ANSWER' } }
    const gone = reduce(desk, own, NOW)
    expect(gone.call).toBeNull()
    expect(gone.missed).toEqual({ call: 't1-1.1', outcome: 'NO_ANSWER' })
  })

  it('keeps a command asked until a frame confirms it', () => {
    const talking = after(hello('READY'), popped, state('TALKING'))
    const asked = reduce(talking, { kind: 'ask', command: 'hold', at: NOW }, NOW)
    expect(asked.asked?.command).toBe('hold')
    expect(asked.call?.talk).toBe('talking')
    const held = reduce(asked, talk('held'), NOW)
    expect(held.asked).toBeNull()
    expect(held.call?.talk).toBe('held')
  })

  it('says why a command was refused', () => {
    const desk = after(hello('READY'), popped, state('TALKING'), { kind: 'ask', command: 'join', at: NOW }, {
      kind: 'talk_refused',
      cursor: null,
      body: { call: 't1-1.1', command: 'join', code: 'talk.not_now', why: 'join is not possible while talking' },
    })
    expect(desk.asked).toBeNull()
    expect(desk.refused?.command).toBe('join')
    expect(desk.refused?.why).toContain('当前通话状态不能这样操作')
  })

  it('shows the call again after a reload, in the talk it is in', () => {
    expect(after(hello('CONSULT', pop())).call).toMatchObject({ phase: 'talking', talk: 'consult' })
    expect(after(hello('WRAP_UP', pop())).call?.phase).toBe('over')
  })

  it('believes the talk’s own frame after a reload rather than the agent’s state', () => {
    const event: Event = {
      kind: 'hello',
      cursor: '0-0',
      body: {
        agent: view('TALKING'),
        resumed: false,
        at_ms: NOW,
        pop: pop(),
        talk: { call: 't1-1.1', state: 'join_calling', third: '12366' },
      },
    }
    expect(after(event).call).toMatchObject({ talk: 'join_calling', third: '12366' })
  })

  it('offers the same call anew after the phone was lost', () => {
    const lost = after(hello('READY'), popped, state('TALKING'), state('UNREACHABLE'))
    const again = reduce(lost, { kind: 'pop', cursor: '2-0', body: pop('t1-1.1', '1-2') }, NOW)
    expect(again.call).toMatchObject({ phase: 'offered', pop: { reservation: '1-2' } })
  })

  it('greys out what the server would refuse', () => {
    const talking = after(hello('READY'), popped, state('TALKING'))
    expect(may(talking, 'hold')).toBe(true)
    expect(may(talking, 'join')).toBe(false)
    expect(may(reduce(talking, talk('consult'), NOW), 'join')).toBe(true)
    expect(may(after(hello('READY'), popped), 'hold')).toBe(false)
    expect(ALLOWED.blind_calling.size).toBe(0)
  })

  it('stays taken over when the socket then closes', () => {
    const desk = after(hello('READY'), { kind: 'taken_over', cursor: null, body: {} }, { kind: 'link', link: 'lost' })
    expect(desk.link).toBe('taken_over')
  })

  it('replaces what an engine corrects', () => {
    const piece = (serial: number, text: string): Event => ({
      kind: 'transcript',
      cursor: null,
      body: { call: 't1-1.1', serial, who: 'caller', text },
    })
    expect(after(piece(1, '路灯'), piece(2, '不亮'), piece(1, '路灯坏了')).said.map((one) => one.text)).toEqual([
      '路灯坏了',
      '不亮',
    ])
  })

  it('takes no answer that was overtaken by what came of it', () => {
    const talking = after(hello('READY'), popped, {
      kind: 'agent_state',
      cursor: null,
      body: { agent: '1001', extension: '9001', reason: '', pending: null, state: 'TALKING', since_ms: NOW + 50 },
    })
    expect(reduce(talking, { kind: 'agent', view: view('READY') }, NOW).agent?.state).toBe('TALKING')
    const wrapped = view('WRAP_UP', { since_ms: NOW + 90, deadline_ms: NOW + 9000 })
    expect(reduce(talking, { kind: 'agent', view: wrapped }, NOW).agent?.deadline_ms).toBe(NOW + 9000)
  })

  it('pauses a recording when the server has said yes', () => {
    const talking = after(hello('READY'), popped, state('TALKING'), { kind: 'ask', command: 'pause', at: NOW })
    expect(talking.call?.paused).toBe(false)
    expect(reduce(talking, { kind: 'ask_done', command: 'pause' }, NOW).call?.paused).toBe(true)
  })
})
