/** The ticket forms an agent has open, kept in this browser as drafts. What a form is stands in `forms.ts`. */

import { computed, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from 'vue'

import { api } from '@/api/client'

import { load, save } from './drafts'
import * as forms from './forms'
import type { Pop, RegisteredOut, TicketOut } from './types'

export interface Writing {
  forms: ShallowRef<forms.Forms>
  form: ComputedRef<forms.Form | null>
  /** The browser keeps no drafts: what is written is lost with the page. */
  draftLost: Ref<boolean>
  open: (agent: string) => void
  close: () => void
  popped: (pop: Pop) => void
  withdrawn: (of: string) => void
  write: (change: Partial<forms.Fields>) => void
  show: (of: string) => void
  nextForm: () => void
  closeForm: (of: string) => void
  anotherForm: (of: string) => void
  newForm: () => void
  submit: () => Promise<void>
  taken: (of: string, ticket: TicketOut) => void
}

function requestKey(): string {
  return crypto.randomUUID()
}

/** `onRegistered` is told of every ticket that a form became. */
export function useWriting(onRegistered: (of: string, ticket: RegisteredOut) => void): Writing {
  const all = shallowRef(forms.none())
  const form = computed(() => forms.current(all.value))
  const draftLost = ref(false)
  let agent = ''

  function keep(next: forms.Forms): void {
    all.value = next
    if (agent) draftLost.value = !save(agent, next)
  }

  return {
    forms: all,
    form,
    draftLost,

    open(whose) {
      agent = whose
      all.value = load(whose, Date.now())
    },

    /** Drafts stay; nothing more is kept under this name. */
    close() {
      agent = ''
    },

    popped(pop) {
      keep(forms.popped(all.value, pop, requestKey(), Date.now()))
    },

    withdrawn(of) {
      keep(forms.withdrawn(all.value, of))
    },

    write(change) {
      if (form.value !== null) keep(forms.written(all.value, form.value.call, change))
    },

    show(of) {
      keep({ ...all.value, shown: of })
    },

    nextForm() {
      keep(forms.next(all.value))
    },

    closeForm(of) {
      keep(forms.closed(all.value, of))
    },

    anotherForm(of) {
      keep(forms.another(all.value, of, requestKey(), Date.now()))
    },

    newForm() {
      keep(forms.withoutCall(all.value, requestKey(), Date.now()))
    },

    /** Register the shown form. Throws what the server has against it. */
    async submit() {
      const shown = form.value
      if (shown === null || shown.registered !== null) return
      const ticket = (await api.post<RegisteredOut>('/api/tickets', forms.intake(shown))).data
      keep(forms.registered(all.value, shown.call, ticket))
      onRegistered(shown.call, ticket)
    },

    taken(of, ticket) {
      const shown = all.value.forms.find((one) => one.call === of)
      if (shown?.registered) keep(forms.registered(all.value, of, { ...shown.registered, ...ticket }))
    },
  }
}
