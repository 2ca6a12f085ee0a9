import { describe, expect, it } from 'vitest'

import { another, closed, current, faults, faultsOf, formOf, halfWritten, intake, kept, next, none, popped, registered, withdrawn, withoutCall, written } from './forms'
import type { Pop, RegisteredOut } from './types'

function pop(call: string): Pop {
  return {
    reservation: '1-1',
    call,
    caller: '+8613800000001',
    dialled: '12345',
    line: '政务服务便民热线',
    unit: '市人社局',
    waited_ms: 0,
    group: 'general',
    open_tickets: [],
    earlier_calls: [],
    vulnerable: false,
    nuisance: null,
  }
}

const TICKET = { number: 'SMX20261122000001' } as RegisteredOut

describe('forms of the desk', () => {
  it('shows the form of a call that comes', () => {
    const forms = popped(none(), pop('a'), 'key-a', 1)
    expect(current(forms)).toMatchObject({ call: 'a', hotline: '12345', fields: { caller_number: '13800000001' } })
  })

  it('never takes the place of a half-written one', () => {
    let forms = written(popped(none(), pop('a'), 'key-a', 1), 'a', { title: '路灯' })
    forms = popped(forms, pop('b'), 'key-b', 2)
    expect(forms.shown).toBe('a')
    expect(forms.forms.map((form) => form.call)).toEqual(['a', 'b'])
    expect(next(forms).shown).toBe('b')
    expect(next(next(forms)).shown).toBe('a')
  })

  it('opens one without a call beside the others', () => {
    const forms = withoutCall(popped(none(), pop('a'), 'key-a', 1), 'key-b', 2)
    expect(forms.forms.map((form) => form.call)).toEqual(['a', 'none-key-b'])
    const form = current(forms)
    expect(form).toMatchObject({ call: 'none-key-b', hotline: '', requestKey: 'key-b' })
    expect(form && halfWritten(form)).toBe(false)
  })

  it('lets go of one that nobody wrote in, and of one that is registered', () => {
    const untouched = popped(popped(none(), pop('a'), 'k', 1), pop('b'), 'k', 2)
    expect(untouched.forms.map((form) => form.call)).toEqual(['b'])
    let done = registered(written(popped(none(), pop('a'), 'k', 1), 'a', { title: '路灯' }), 'a', TICKET)
    done = popped(done, pop('b'), 'k', 2)
    expect(done.forms.map((form) => form.call)).toEqual(['b'])
    expect(done.shown).toBe('b')
  })

  it('finds the form of the same call when it is offered again', () => {
    const forms = written(popped(none(), pop('a'), 'k', 1), 'a', { title: '路灯' })
    const again = popped(forms, pop('a'), 'other', 2)
    expect(current(again)).toMatchObject({ fields: { title: '路灯' }, requestKey: 'k' })
  })

  it('drops the form of a call that was not answered, but not what was written', () => {
    expect(withdrawn(popped(none(), pop('a'), 'k', 1), 'a').forms).toEqual([])
    const forms = written(popped(none(), pop('a'), 'k', 1), 'a', { content: '路灯' })
    expect(withdrawn(forms, 'a').forms).toHaveLength(1)
  })

  it('does not call what the call gave half written', () => {
    expect(halfWritten(formOf(pop('a'), 'k', 1))).toBe(false)
  })

  it('keeps who it is from for another demand of the same call', () => {
    let forms = written(popped(none(), pop('a'), 'k', 1), 'a', { title: '路灯', caller_name: '张三' })
    forms = another(registered(forms, 'a', TICKET), 'a', 'k2', 5)
    expect(current(forms)).toMatchObject({
      registered: null,
      requestKey: 'k2',
      fields: { title: '', caller_name: '张三', caller_number: '13800000001' },
    })
    expect(halfWritten(current(forms) ?? formOf(pop('x'), 'k', 1))).toBe(false)
  })

  it('shows the newest that is left when one is closed', () => {
    let forms = written(popped(none(), pop('a'), 'k', 1), 'a', { title: '路灯' })
    forms = popped(forms, pop('b'), 'k', 2)
    expect(closed(forms, 'a')).toMatchObject({ shown: 'b' })
  })

  it('forgets what is older than half a day', () => {
    const forms = written(popped(none(), pop('a'), 'k', 0), 'a', { title: '路灯' })
    expect(kept(forms, 11 * 3_600_000).forms).toHaveLength(1)
    expect(kept(forms, 13 * 3_600_000)).toEqual(none())
  })

  it('sends what the server asks for', () => {
    const form = formOf(pop('t1-1.1'), 'key-12345678', 1)
    expect(intake({ ...form, fields: { ...form.fields, title: ' 路灯不亮 ' } })).toMatchObject({
      title: '路灯不亮',
      call: 't1-1.1',
      hotline: '12345',
      unit_tag: '市人社局',
      request_key: 'key-12345678',
      type: 'consult',
      urgency: 'general',
    })
    expect(intake({ ...form, call: 'none-1' })).not.toHaveProperty('call')
  })

  it('says which field is wrong, by itself and by the server’s word', () => {
    expect(faults({ ...formOf(pop('a'), 'k', 1).fields })).toEqual({ title: '请填写标题' })
    expect(faultsOf([
      { where: 'body.area_code', why: 'pattern' },
      { where: 'body', why: 'no object' },
    ])).toEqual({ faults: { area_code: 'pattern' }, rest: ['body: no object'] })
  })
})
