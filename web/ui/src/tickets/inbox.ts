/** What the address of the inbox holds, and what of it the line is asked. Pure. */

import type { LocationQuery } from 'vue-router'

import type { Query } from '@/api/client'

import type { Entry, Listed, Row } from './types'

/** Filters of the list, by their names in the address. */
export const FILTERS = [
  'text',
  'type',
  'source',
  'urgency',
  'category',
  'area',
  'unit_id',
  'registered_from',
  'registered_before',
  'due_before',
] as const

export type Filter = (typeof FILTERS)[number]
export type Filters = Record<Filter, string>

/** `all`: no box, every ticket one may see. */
export const ALL = 'all'

const DAYS: readonly Filter[] = ['registered_from', 'registered_before', 'due_before']
const DAY = /^\d{4}-\d{2}-\d{2}$/
const DAY_MS = 24 * 3600 * 1000

export function none(): Filters {
  return Object.fromEntries(FILTERS.map((name) => [name, ''])) as Filters
}

function one(value: LocationQuery[string] | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? ''
}

/** The filters an address names; a day that is none is left out. */
export function filtersOf(query: LocationQuery): Filters {
  const found = none()
  for (const name of FILTERS) {
    const value = one(query[name])
    found[name] = DAYS.includes(name) && !DAY.test(value) ? '' : value
  }
  return found
}

export function boxOf(query: LocationQuery): string {
  return one(query.box)
}

/** The address of a box with filters: only what says something. */
export function addressOf(box: string, filters: Filters): Record<string, string> {
  const said = Object.entries(filters).filter(([, value]) => value.trim() !== '')
  return { ...(box === '' ? {} : { box }), ...Object.fromEntries(said.map(([name, value]) => [name, value.trim()])) }
}

/** What the line is asked: days are the city's, and the last one is in it. */
export function queryOf(box: string, filters: Filters): Query {
  const asked: Record<string, string> = {}
  for (const name of FILTERS) {
    const value = filters[name].trim()
    if (value === '') continue
    if (!DAYS.includes(name)) asked[name] = value
    else {
      const begins = new Date(`${value}T00:00:00+08:00`).getTime()
      asked[name] = new Date(name === 'registered_from' ? begins : begins + DAY_MS).toISOString()
    }
  }
  return box === ALL || box === '' ? asked : { ...asked, box }
}

/** Whether this is a ticket's number: then it is opened and not searched. */
export function isNumber(text: string): boolean {
  return /^[A-Z]{1,8}\d{8,32}$/.test(text.trim().toUpperCase())
}

export function ofTicket(ticket: Listed): Row {
  return {
    number: ticket.number,
    title: ticket.title,
    type: ticket.type,
    urgency: ticket.urgency,
    state_term: ticket.state_term,
    version: ticket.version,
    due_at: ticket.due_at,
    since: ticket.registered_at,
    part: '',
    possible: ticket.possible,
  }
}

/** A unit's part: of the one that leads, what is to be signed for can be signed for in the list. */
export function ofPart(entry: Entry): Row {
  const signs = entry.part === 'lead' && entry.state === 'to_sign' && entry.part_state === 'delivered'
  return {
    number: entry.number,
    title: entry.title,
    type: entry.type,
    urgency: entry.urgency,
    state_term: entry.state_term,
    version: entry.version,
    due_at: entry.due_at,
    since: entry.delivered_at,
    part: entry.part,
    possible: signs ? ['sign_for'] : [],
  }
}
