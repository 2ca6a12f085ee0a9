import { describe, expect, it } from 'vitest'

import { CONTACT, fieldOf, missing, recordForm, TICKET_FORMS, type Form } from './forms'
import { ACTIONS } from './words'

const ticket = { registered_at: '2026-11-01T01:02:30Z' }
const form = (name: string): Form => TICKET_FORMS[name]!

describe('forms of actions', () => {
  it('are there for everything that a person may do to a ticket', () => {
    expect(Object.keys(TICKET_FORMS).sort()).toEqual(ACTIONS.map(([name]) => name).filter((name) => name !== 'register').sort())
  })

  it('send units as numbers and leave out what was not given', () => {
    const body = form('dispatch').body({ lead_unit: '3', assisting_units: ['4', '5'], note: ' ', handed_over_to: '', handed_over_at: '' }, ticket)
    expect(body).toEqual({ action: 'dispatch', lead_unit: 3, assisting_units: [4, 5] })
  })

  it('send an order of supervision beside its words', () => {
    const body = form('supervise').body({ note: '三日内回复', ground: 'overdue', form: 'order', deadline: '2026-11-05T18:00', unit_id: '' }, ticket)
    expect(body).toEqual({
      action: 'supervise',
      note: '三日内回复',
      supervision: { ground: 'overdue', form: 'order', deadline: '2026-11-05T10:00:00.000Z' },
    })
  })

  it('send yes and no as such, and nothing where neither was said', () => {
    const values = { outcome: '', contacted: 'yes', solved: 'no', satisfaction: '', note: '问过了' }
    expect(form('visit').body(values, ticket)).toEqual({ action: 'visit', contacted: true, solved: false, note: '问过了' })
    expect(form('accept').body({ law_enforcement: '', note: '' }, ticket)).toEqual({ action: 'accept' })
  })

  it('say what is missing, by field', () => {
    expect(missing(form('return'), { note: '不归我们', basis: ' ' })).toEqual({ basis: '请填写依据' })
    expect(missing(form('dispatch'), { lead_unit: '3', assisting_units: [] })).toEqual({})
  })

  it('know their field by the name the line gives it', () => {
    expect(fieldOf(form('supervise'), 'body.supervision.deadline')).toBe('deadline')
    expect(fieldOf(form('dispatch'), 'body.assisting_units.0')).toBe('assisting_units')
    expect(fieldOf(form('sign_for'), 'body.version')).toBeNull()
  })
})

describe('a contact', () => {
  const values = { way: 'phone', by: '张工', outcome: 'answered', note: '' }

  it('within the minute of the registration was not before it', () => {
    expect(CONTACT.body({ ...values, at: '2026-11-01T09:02' }, ticket).at).toBe(ticket.registered_at)
    expect(CONTACT.body({ ...values, at: '2026-11-01T09:03' }, ticket).at).toBe('2026-11-01T01:03:00.000Z')
    expect(CONTACT.body({ ...values, at: '2026-11-01T09:01' }, ticket).at).toBe('2026-11-01T01:01:00.000Z')
  })
})

describe('forms of records', () => {
  it('go to the record, and are none where the page has none', () => {
    const found = recordForm('questions', 7, 'answer')
    expect(found?.path).toBe('/questions/7/actions')
    expect(found?.body({ note: '门牌是12号' }, ticket)).toEqual({ action: 'answer', note: '门牌是12号' })
    expect(recordForm('questions', 7, 'lapse')).toBeNull()
    expect(recordForm('nothing', 7, 'answer')).toBeNull()
  })
})
