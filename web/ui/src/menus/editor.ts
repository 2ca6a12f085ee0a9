/** One open flow: the model that outline, canvas, panels and dialogs all look at, and everything that changes it. */
import { type ComputedRef, type InjectionKey, type Ref, computed, inject, ref, shallowRef } from 'vue'

import { Offline, Problem, api } from '@/api/client'

import { type Attempt, Autosave, type Saving } from './autosave'
import { addNode, removeNode } from './edits'
import { byNode, inOrder, unreadable } from './findings'
import { forget, keep, keptOf } from './kept'
import { type Drawing, draw } from './layout'
import { type Row, outline } from './outline'
import { type References, emptyReferences, load } from './references'
import type { Draft, Figures, Finding, Flow, NodeType, Prompt, SavedDraft, Stash, Verdict } from './types'
import { type Steps, begin, done, redo, undo } from './undo'

/** Somebody else saved first: both sides, and where what was sent is kept. */
export interface Clash {
  base: Flow | null
  mine: Flow
  theirs: Draft
  stash: number
}

export interface FocusRequest {
  node: string
  field: string
  count: number
}

export interface Editor {
  readonly key: string
  readonly mayEdit: boolean
  readonly references: References
  flow: ComputedRef<Flow>
  rows: ComputedRef<Row[]>
  drawing: ComputedRef<Drawing>
  findings: ComputedRef<Finding[]>
  marks: ComputedRef<Map<string, { errors: number; warnings: number }>>
  verdict: Ref<Verdict | null>
  saving: Ref<Saving>
  /** Why the last attempt was refused, if it was not the form of the text. */
  refusal: Ref<unknown>
  savedAt: Ref<string>
  savedBy: Ref<string>
  revision: Ref<number>
  clash: Ref<Clash | null>
  /** One's own texts that came too late in an earlier sitting. */
  stashes: Ref<Stash[]>
  selected: Ref<string>
  focusRequest: Ref<FocusRequest | null>
  lit: Ref<ReadonlySet<string>>
  figures: Ref<Figures | null>
  /** What was done last, said to everybody (aria-live). */
  said: Ref<string>
  canUndo: ComputedRef<boolean>
  canRedo: ComputedRef<boolean>
  edit: (operation: (flow: Flow) => Flow, about?: string) => void
  undo: () => void
  redo: () => void
  add: (type: NodeType, at?: { of: string; field: string }) => string
  remove: (id: string) => void
  select: (id: string) => void
  focus: (node: string, field: string) => void
  saveNow: () => Promise<void>
  /** Keep on the server what is on the page now, for a merge with what somebody else saved. */
  keepMine: () => Promise<void>
  merged: (flow: Flow, over: Draft, stash: number) => void
  reload: () => Promise<void>
  close: () => void
}

export const EDITOR: InjectionKey<Editor> = Symbol('menu editor')

export function useEditor(): Editor {
  const editor = inject(EDITOR)
  if (!editor) throw new Error('no menu editor is open here')
  return editor
}

/** Open a flow's draft, as `login`. Throws Problem or Offline when it cannot be read. */
export async function openEditor(key: string, login: string, mayEdit: boolean): Promise<Editor> {
  const references = emptyReferences()
  const [{ data: draft }] = await Promise.all([api.get<Draft>(`/api/menus/flows/${key}/draft`), load(references)])
  const editor = make(draft, login, mayEdit, references)
  await editor.reload()
  return editor
}

function make(draft: Draft, login: string, mayEdit: boolean, references: References): Editor {
  const key = draft.flow
  const path = `/api/menus/flows/${key}`
  const unsaved = mayEdit ? keptOf(login, key) : null
  const steps = shallowRef<Steps<Flow>>(unsaved ? done(begin(draft.document), unsaved.text) : begin(draft.document))
  const flow = computed(() => steps.value.present)
  const rows = computed(() => outline(flow.value))
  const drawing = computed(() => draw(flow.value))
  const verdict = shallowRef<Verdict | null>(null)
  const formFindings = shallowRef<Finding[]>([])
  const saving = ref<Saving>('saved')
  const refusal = shallowRef<unknown>(null)
  const savedAt = ref(draft.saved_at)
  const savedBy = ref(draft.saved_by)
  const revision = ref(draft.revision)
  const clash = shallowRef<Clash | null>(null)
  const stashes = shallowRef<Stash[]>([])
  const selected = ref(draft.document.entry)
  const focusRequest = shallowRef<FocusRequest | null>(null)
  const lit = shallowRef<ReadonlySet<string>>(new Set())
  const figures = shallowRef<Figures | null>(null)
  const said = ref('')
  /** The text of mine that the server keeps for the merge. */
  let kept: Flow | null = null

  const findings = computed(() => {
    const all = [...formFindings.value, ...(verdict.value?.findings ?? [])]
    const order = rows.value.filter((row) => row.kind === 'node').map((row) => row.key)
    return inOrder(all, order)
  })
  const marks = computed(() => byNode(findings.value))

  async function put(text: Flow, over: number): Promise<Attempt<SavedDraft>> {
    try {
      const { data } = await api.put<SavedDraft>(`${path}/draft`, text, { etag: `"${over}"` })
      return { kind: 'saved', revision: data.revision, saved: data }
    } catch (error) {
      if (error instanceof Offline) return { kind: 'offline' }
      if (!(error instanceof Problem)) throw error
      if (error.status === 412 && error.code === 'menu.stale') return { kind: 'conflict', clash: error.body }
      if (error.status === 503) return { kind: 'offline' }
      return { kind: 'refused', why: error }
    }
  }

  /** What was typed while a text was on its way to a conflict is kept as well: the stash is the newest text. */
  async function send(text: Flow, over: number): Promise<Attempt<SavedDraft>> {
    let sent = text
    let got = await put(sent, over)
    while (got.kind === 'conflict' && flow.value !== sent) {
      const older = (got.clash as Clash).stash
      sent = flow.value
      const next = await put(sent, over)
      if (next.kind !== 'conflict') return got
      await api.delete(`${path}/stashes/${older}`)
      got = next
    }
    if (got.kind === 'conflict') kept = sent
    return got
  }

  function onState(state: Saving, attempt: Attempt<SavedDraft> | null): void {
    saving.value = state
    if (attempt?.kind === 'saved') {
      revision.value = attempt.revision
      if (state === 'saved') forget(login, key)
      savedAt.value = attempt.saved.saved_at
      savedBy.value = attempt.saved.saved_by
      refusal.value = null
      formFindings.value = []
      verdict.value = attempt.saved.verdict
    }
    if (attempt?.kind === 'refused') {
      formFindings.value = attempt.why instanceof Problem ? unreadable(attempt.why) : []
      refusal.value = formFindings.value.length > 0 ? null : attempt.why
    }
    if (attempt?.kind === 'conflict') {
      // The server keeps it from here on.
      forget(login, key)
      clash.value = attempt.clash as Clash
    }
  }

  const saver = new Autosave<Flow, SavedDraft>({ send, onState }, unsaved?.revision ?? draft.revision)
  if (unsaved) saver.change(unsaved.text)

  function take(next: Steps<Flow>): void {
    if (next.present === steps.value.present) return
    steps.value = next
    if (!(selected.value in next.present.nodes)) selected.value = next.present.entry
    keep(login, { revision: saver.revision, text: next.present })
    saver.change(next.present)
  }

  function edit(operation: (flow: Flow) => Flow, about = ''): void {
    if (!mayEdit) return
    take(done(steps.value, operation(flow.value), about))
  }

  function select(id: string): void {
    if (id in flow.value.nodes) selected.value = id
  }

  function focus(node: string, field: string): void {
    if (node) select(node)
    focusRequest.value = { node, field, count: (focusRequest.value?.count ?? 0) + 1 }
  }

  function add(type: NodeType, at?: { of: string; field: string }): string {
    const made = addNode(flow.value, type, at)
    edit(() => made.flow)
    if (made.id in flow.value.nodes) selected.value = made.id
    said.value = `已增加节点 ${made.id}`
    return made.id
  }

  function remove(id: string): void {
    if (id === flow.value.entry) {
      said.value = '入口不能删除'
      return
    }
    const order = rows.value.filter((row) => row.kind === 'node').map((row) => row.key)
    const before = order[Math.max(0, order.indexOf(id) - 1)]
    edit((present) => removeNode(present, id))
    if (before) select(before)
    said.value = `已删除节点 ${id}，可按 Ctrl+Z 撤销`
  }

  async function reload(): Promise<void> {
    const { data } = await api.post<Verdict>(`${path}/check`)
    verdict.value = data
    if (mayEdit) stashes.value = (await api.get<Stash[]>(`${path}/stashes`)).data
  }

  async function keepMine(): Promise<void> {
    const older = clash.value
    if (!older || kept === flow.value) return
    const got = await send(flow.value, saver.revision)
    if (got.kind !== 'conflict') return
    clash.value = got.clash as Clash
    await api.delete(`${path}/stashes/${older.stash}`)
  }

  /** Both sides are one text now: it is saved over theirs, and what was kept of mine is not needed any more. */
  function merged(text: Flow, over: Draft, stash: number): void {
    steps.value = done(steps.value, text)
    clash.value = null
    if (!(selected.value in text.nodes)) selected.value = text.entry
    said.value = '已合并，正在保存'
    void saver.goOn(over.revision, text).then(async () => {
      if (saving.value !== 'saved') return
      await api.delete(`${path}/stashes/${stash}`)
      stashes.value = stashes.value.filter((one) => one.id !== stash)
    })
  }

  return {
    key,
    mayEdit,
    references,
    flow,
    rows,
    drawing,
    findings,
    marks,
    verdict,
    saving,
    refusal,
    savedAt,
    savedBy,
    revision,
    clash,
    stashes,
    selected,
    focusRequest,
    lit,
    figures,
    said,
    canUndo: computed(() => steps.value.past.length > 0),
    canRedo: computed(() => steps.value.future.length > 0),
    edit,
    undo: () => {
      take(undo(steps.value))
      said.value = '已撤销'
    },
    redo: () => {
      take(redo(steps.value))
      said.value = '已重做'
    },
    add,
    remove,
    select,
    focus,
    saveNow: () => saver.now(),
    keepMine,
    merged,
    reload,
    close: () => {
      void saver.now()
    },
  }
}

/** The prompts of a node, by field. */
export function promptsOf(flow: Flow, id: string): { field: string; prompt: Prompt }[] {
  const node = flow.nodes[id]
  return ['prompt', 'wrong'].flatMap((field) => {
    const prompt = node?.[field] as Prompt | null | undefined
    return prompt ? [{ field, prompt }] : []
  })
}
