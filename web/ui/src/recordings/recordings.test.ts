import { describe, expect, it, vi } from 'vitest'

import { Offline, Problem } from '@/api/client'
import { wordsFor } from '@/parts/problemWords'
import type { Role } from '@/session/roles'

import { lastDays, periodOf, wrongDays } from './days'
import { ranOut, refusalOf } from './refusal'
import { hears, hearsAll } from './rights'
import type { Recording } from './types'
import { COLUMNS, columnsOf, HALF, loudestOf, outline, placeOf, within } from './wave'
import { gapWords, installWords, keptWords, lengthWords, placeWords, silence } from './words'

const ONE: Recording = {
  id: 1, call_id: 'ast1-1763761000.12', host: 'ast1', state: 'sealed', why: null, started_at: '2026-11-22T02:00:00Z', length_ms: 185_400, gap_ms: 0,
  size: 1, sha256: 'ab', retain_until: '2029-11-21T02:00:00Z', erased_at: null, held_at: null, held_by: null, hold_reason: null, caller: null, line: null,
  agents: [], tickets: [],
}

describe('the days that are listed', () => {
  it("are the city's, today among them", () => {
    // Still the day before in UTC.
    expect(lastDays(7, '2026-11-22T17:00:00Z')).toEqual({ first: '2026-11-17', last: '2026-11-23' })
    expect(lastDays(1, '2026-03-01T02:00:00Z')).toEqual({ first: '2026-03-01', last: '2026-03-01' })
  })

  it('are asked for whole', () => {
    expect(periodOf({ first: '2026-11-17', last: '2026-11-23' })).toEqual({ from: '2026-11-16T16:00:00.000Z', to: '2026-11-23T16:00:00.000Z' })
  })

  it('are both there and in order', () => {
    expect(wrongDays({ first: '2026-11-23', last: '2026-11-23' })).toBe('')
    expect(wrongDays({ first: '2026-11-24', last: '2026-11-23' })).toBe('结束日期早于开始日期。')
    expect(wrongDays({ first: '', last: '2026-11-23' })).toBe('请选择开始和结束日期。')
  })
})

describe('a recording in words', () => {
  it('says how long it is, what is missing and until when it is kept', () => {
    expect([lengthWords(ONE), gapWords(ONE.gap_ms), keptWords(ONE)]).toEqual(['3:05', '无', '2029-11-21 10:00'])
    expect([gapWords(400), gapWords(3_200)]).toEqual(['不足 1 秒', '3 秒'])
    expect(lengthWords({ ...ONE, length_ms: 0 })).toBe('—')
    expect(keptWords({ ...ONE, held_at: '2026-11-22T03:00:00Z' })).toBe('保全期间不删除')
    expect(keptWords({ ...ONE, held_at: null, erased_at: '2026-11-22T03:00:00Z' })).toBe('2026-11-22 11:00 删除')
    expect(placeWords(65, 185)).toBe('1:05，全长 3:05')
  })

  it('says why it cannot be heard', () => {
    expect(silence(ONE)).toBe('')
    expect(silence({ ...ONE, state: 'recording' })).toContain('还在录制')
    expect(silence({ ...ONE, state: 'damaged', why: 'changed' })).toContain('与封存时不一致')
    expect(silence({ ...ONE, state: 'damaged', why: 'file_gone' })).toContain('不见了')
    expect(silence({ ...ONE, state: 'damaged', why: 'nothing_recorded' })).toContain('没有录到声音')
    expect(silence({ ...ONE, state: 'damaged', why: 'something new' })).toBe('录音已损坏，不能收听。')
    expect(silence({ ...ONE, state: 'erased', erased_at: '2026-11-22T03:00:00Z' })).toContain('2026-11-22 11:00 删除')
  })

  it('has words for what the line refuses', () => {
    installWords()
    for (const code of ['recording.damaged', 'recording.not_to_be_heard', 'recording.elsewhere', 'recording.held', 'key.missing', 'key.file'])
      expect(wordsFor(new Problem(500, { code })).what, code).toMatch(/录音/)
  })
})

describe('who hears', () => {
  const somebody = (role: Role, hears_own?: boolean) => ({ login: 'li', name: '李', roles: [role], work_number: '1001', extension: null, unit_id: null, hears_own })

  it('superiors all, agents their own if that is the policy, nobody else', () => {
    expect([hears(somebody('auditor')), hearsAll(somebody('auditor'))]).toEqual([true, true])
    expect([hears(somebody('agent', true)), hearsAll(somebody('agent', true))]).toEqual([true, false])
    expect([hears(somebody('agent', false)), hears(somebody('agent')), hears(somebody('admin'))]).toEqual([false, false, false])
  })
})

describe('the waveform', () => {
  it('keeps the loudest of what falls together', () => {
    expect(columnsOf([1, 9, 2, 3], 2)).toEqual([9, 3])
    expect(columnsOf([5, 6], 600)).toEqual([5, 6])
    expect(columnsOf([], 600)).toEqual([])
    const hour = Array.from({ length: 36_000 }, (_, at) => (at === 35_999 ? 200 : 1))
    expect(columnsOf(hour)).toHaveLength(COLUMNS)
    expect(columnsOf(hour).at(-1)).toBe(200)
  })

  it('draws both channels to one scale, and noise not as speech', () => {
    expect(loudestOf({ a_second: 10, citizen: [3, 120], others: [40] })).toBe(120)
    expect(loudestOf({ a_second: 10, citizen: [2], others: [] })).toBe(32)
  })

  it('is as wide as the drawing and as high as its loudest', () => {
    expect(outline([], 100)).toBe('')
    expect(outline([100, 50], 100)).toBe(`M0 0h300v${2 * HALF}h-300zM300 ${HALF / 2}h300v${HALF}h-300z`)
    // Silence is a line, not nothing.
    expect(outline([0], 100)).toBe(`M0 ${HALF - 0.5}h600v1h-600z`)
  })
})

describe('a place in it', () => {
  it.each([
    ['ArrowRight', 15], ['ArrowUp', 15], ['ArrowLeft', 5], ['ArrowDown', 5], ['PageUp', 40], ['PageDown', 0], ['Home', 0], ['End', 60],
  ])('moves by %s to %s', (key, to) => {
    expect(placeOf(key, 10, 60)).toBe(to)
  })

  it('is moved by no other key, and never beyond an end', () => {
    expect(placeOf('a', 10, 60)).toBeNull()
    expect(placeOf('ArrowRight', 58, 60)).toBe(60)
    expect([within(-1, 60), within(61, 60), within(7, 60)]).toEqual([0, 60, 7])
  })
})

describe('why there is no sound', () => {
  const answers = (answer: Response | Error) =>
    vi.spyOn(globalThis, 'fetch').mockImplementation(() => (answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)))

  it('is nothing where the first byte is given', async () => {
    const asked = answers(new Response('I', { status: 206 }))
    expect(await refusalOf('/api/recordings/1/sound?ticket=x')).toBeNull()
    expect(asked.mock.calls[0]?.[1]?.headers).toEqual({ Range: 'bytes=0-0' })
  })

  it('is what the line says', async () => {
    answers(new Response(JSON.stringify({ code: 'recording.damaged' }), { status: 500 }))
    const refusal = await refusalOf('/x')
    expect(refusal).toBeInstanceOf(Problem)
    expect([(refusal as Problem).code, ranOut(refusal)]).toEqual(['recording.damaged', false])
  })

  it('is the leave that ran out', async () => {
    answers(new Response(JSON.stringify({ code: 'access.denied' }), { status: 403 }))
    expect(ranOut(await refusalOf('/x'))).toBe(true)
  })

  it('is a line that does not answer, or answers what nobody can read', async () => {
    answers(new TypeError('network'))
    expect(await refusalOf('/x')).toBeInstanceOf(Offline)
    answers(new Response('<html>', { status: 502 }))
    expect(((await refusalOf('/x')) as Problem).status).toBe(502)
  })
})
