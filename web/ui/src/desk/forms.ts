/** The ticket forms of the desk (工单登记): one for each call, kept through reloads, the one of the call before shown
 * until it is done with. Pure: what is kept where is `drafts.ts`. */

import type { Pop, RegisteredOut } from './types'
import { local } from './words'

export interface Fields {
  type: string
  title: string
  content: string
  caller_number: string
  caller_name: string
  address: string
  area_code: string
  category: string
  urgency: string
  confidentiality: string
}

export interface Form {
  /** The call it belongs to; `none-…` for one without. */
  call: string
  line: string
  hotline: string
  unit: string
  fields: Fields
  /** As the call filled it in: what is the same was not typed by anybody. */
  given: Fields
  /** Repeats of a request that was sent are known by it. */
  requestKey: string
  registered: RegisteredOut | null
  begun: number
}

export interface Forms {
  /** Oldest first. */
  forms: Form[]
  shown: string | null
}

export const LONGEST = { title: 200, content: 20_000, caller_number: 64, caller_name: 64, address: 300 } as const

const KEPT_MS = 12 * 3_600_000

export function none(): Forms {
  return { forms: [], shown: null }
}

export function blank(): Fields {
  return {
    type: 'consult',
    title: '',
    content: '',
    caller_number: '',
    caller_name: '',
    address: '',
    area_code: '',
    category: '',
    urgency: 'general',
    confidentiality: 'open',
  }
}

export function formOf(pop: Pop, requestKey: string, now: number): Form {
  const fields: Fields = { ...blank(), caller_number: local(pop.caller ?? '') }
  const hotline = /^\+?[0-9]{1,20}$/.test(pop.dialled) ? pop.dialled : ''
  return {
    call: pop.call,
    line: pop.line,
    hotline,
    unit: pop.unit,
    fields,
    given: { ...fields },
    requestKey,
    registered: null,
    begun: now,
  }
}

/** Whether somebody has typed into it. */
export function dirty(form: Form): boolean {
  return (Object.keys(form.fields) as (keyof Fields)[]).some((name) => form.fields[name] !== form.given[name])
}

export function halfWritten(form: Form): boolean {
  return form.registered === null && dirty(form)
}

/** A call came. Its form is made; it is shown unless another one is half written. */
export function popped(forms: Forms, pop: Pop, requestKey: string, now: number): Forms {
  if (forms.forms.some((form) => form.call === pop.call)) {
    const shown = current(forms)
    return shown !== null && halfWritten(shown) ? forms : { ...forms, shown: pop.call }
  }
  const form = formOf(pop, requestKey, now)
  const kept = forms.forms.filter((one) => halfWritten(one))
  const shown = current(forms)
  return { forms: [...kept, form], shown: shown !== null && halfWritten(shown) ? shown.call : pop.call }
}

/** A call that came to nothing leaves no form behind, unless somebody has written in it. */
export function withdrawn(forms: Forms, call: string): Forms {
  const form = forms.forms.find((one) => one.call === call)
  return form === undefined || dirty(form) ? forms : closed(forms, call)
}

export function current(forms: Forms): Form | null {
  return forms.forms.find((form) => form.call === forms.shown) ?? null
}

export function written(forms: Forms, call: string, change: Partial<Fields>): Forms {
  return replaced(forms, call, (form) => ({ ...form, fields: { ...form.fields, ...change } }))
}

export function registered(forms: Forms, call: string, ticket: RegisteredOut): Forms {
  return replaced(forms, call, (form) => ({ ...form, registered: ticket }))
}

/** Another demand of the same call: a new form with who it is from, in the place of the one that is registered. */
export function another(forms: Forms, call: string, requestKey: string, now: number): Forms {
  return replaced(forms, call, (form) => {
    const { caller_number, caller_name, area_code } = form.fields
    const fields = { ...blank(), caller_number, caller_name, area_code }
    return { ...form, fields, given: { ...fields }, registered: null, requestKey, begun: now }
  })
}

/** A form without a call, for what comes otherwise. */
export function withoutCall(forms: Forms, requestKey: string, now: number): Forms {
  const call = `none-${requestKey}`
  const fields = blank()
  const form: Form = { call, line: '', hotline: '', unit: '', fields, given: { ...fields }, requestKey, registered: null, begun: now }
  return { forms: [...forms.forms, form], shown: call }
}

export function closed(forms: Forms, call: string): Forms {
  const left = forms.forms.filter((form) => form.call !== call)
  return { forms: left, shown: forms.shown === call ? (left.at(-1)?.call ?? null) : forms.shown }
}

export function next(forms: Forms): Forms {
  if (forms.forms.length === 0) return forms
  const at = forms.forms.findIndex((form) => form.call === forms.shown)
  return { ...forms, shown: forms.forms[(at + 1) % forms.forms.length]?.call ?? null }
}

/** What is worth keeping through a reload. */
export function kept(forms: Forms, now: number): Forms {
  const left = forms.forms.filter((form) => now - form.begun < KEPT_MS)
  return { forms: left, shown: left.some((form) => form.call === forms.shown) ? forms.shown : (left.at(-1)?.call ?? null) }
}

function replaced(forms: Forms, call: string, change: (form: Form) => Form): Forms {
  return { ...forms, forms: forms.forms.map((form) => (form.call === call ? change(form) : form)) }
}

/** What is sent: `POST /api/tickets`. */
export function intake(form: Form): Record<string, string> {
  const body: Record<string, string> = { request_key: form.requestKey, hotline: form.hotline, unit_tag: form.unit }
  for (const [name, value] of Object.entries(form.fields)) body[name] = value.trim()
  if (!form.call.startsWith('none-')) body.call = form.call
  return body
}

export type Faults = Partial<Record<keyof Fields, string>>

/** What the page itself can see; the server has the last word. */
export function faults(fields: Fields): Faults {
  const found: Faults = {}
  if (fields.title.trim() === '') found.title = '请填写标题'
  for (const [name, most] of Object.entries(LONGEST) as [keyof typeof LONGEST, number][])
    if (fields[name].length > most) found[name] = `最多 ${most} 个字`
  if (fields.area_code !== '' && !/^[0-9]{6}([0-9]{6})?$/.test(fields.area_code)) found.area_code = '区划代码为 6 位或 12 位数字'
  return found
}

/** Faults by field, of a Problem's `wrong` (`body.title`); what belongs to no field is in `rest`. */
export function faultsOf(wrong: readonly { where: string; why: string }[]): { faults: Faults; rest: string[] } {
  const known = blank()
  const found: { faults: Faults; rest: string[] } = { faults: {}, rest: [] }
  for (const one of wrong) {
    const name = one.where.split('.').at(-1) ?? ''
    if (name in known) found.faults[name as keyof Fields] = one.why
    else found.rest.push(`${one.where}: ${one.why}`)
  }
  return found
}
