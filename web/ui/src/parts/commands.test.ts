import { effectScope } from 'vue'
import { afterEach, describe, expect, it, vi } from 'vitest'

import { failure } from '@/app/failures'
import { commandFor, commands, composing, listenForKeys, pressed, useCommands, useKeys } from './commands'

const scopes = [effectScope()]

function within(work: () => void): void {
  const scope = effectScope()
  scopes.push(scope)
  scope.run(work)
}

afterEach(() => {
  scopes.splice(0).forEach((scope) => scope.stop())
  failure.value = null
})

function key(key: string, more: Partial<KeyboardEventInit & { keyCode: number }> = {}): KeyboardEvent {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more })
  for (const [name, value] of Object.entries(more)) Object.defineProperty(event, name, { value })
  return event
}

function field(): HTMLInputElement {
  const input = document.createElement('input')
  document.body.append(input)
  return input
}

describe('keys', () => {
  it('are told apart by their modifiers', () => {
    expect(pressed('F2', key('F2'))).toBe(true)
    expect(pressed('F2', key('F2', { ctrlKey: true }))).toBe(false)
    expect(pressed('F2', key('F2', { shiftKey: true }))).toBe(false)
    expect(pressed('Ctrl+Enter', key('Enter', { ctrlKey: true }))).toBe(true)
    expect(pressed('Ctrl+Enter', key('Enter'))).toBe(false)
    expect(pressed('?', key('?', { shiftKey: true }))).toBe(true)
  })

  it('with a modifier go by their place, whatever the layout makes of them', () => {
    expect(pressed('Alt+H', key('˙', { altKey: true, code: 'KeyH' }))).toBe(true)
    expect(pressed('Alt+3', key('£', { altKey: true, code: 'Digit3' }))).toBe(true)
    expect(pressed('Alt+H', key('h', { altKey: true, code: 'KeyJ' }))).toBe(true)
    expect(pressed('Alt+H', key('j', { altKey: true, code: 'KeyJ' }))).toBe(false)
  })

  it.each([{ isComposing: true }, { keyCode: 229 }])('belong to an input method while it composes: %o', (sign) => {
    const run = vi.fn()
    within(() => useKeys({ F2: run, 'Ctrl+Enter': run }))
    expect(composing(key('F2', sign))).toBe(true)
    expect(commandFor(key('F2', sign), document.body)).toBeNull()
    expect(commandFor(key('Enter', { ctrlKey: true, ...sign }), field())).toBeNull()
  })

  it('that are plain characters never fire while something is typed, others do', () => {
    const run = vi.fn()
    within(() => useCommands([{ title: 'help', keys: '?', typing: true, run }, { title: 'answer', keys: 'F2', run }]))
    expect(commandFor(key('?', { shiftKey: true }), field())).toBeNull()
    expect(commandFor(key('?', { shiftKey: true }), document.body)?.title).toBe('help')
    expect(commandFor(key('F2'), field())?.title).toBe('answer')
  })

  it('that are not for typing are left to the field', () => {
    within(() => useCommands([{ title: 'next', keys: 'Alt+N', typing: false, run: () => undefined }]))
    const press = key('n', { altKey: true, code: 'KeyN' })
    expect(commandFor(press, field())).toBeNull()
    expect(commandFor(press, document.body)?.title).toBe('next')
  })
})

describe('commands', () => {
  it('are there as long as their component, and when they may run', () => {
    let allowed = false
    const scope = effectScope()
    scope.run(() => useCommands(() => [{ title: 'hold', when: () => allowed, run: () => undefined }]))
    expect(commands.value.map((command) => command.title)).toEqual([])
    allowed = true
    within(() => useCommands([{ title: 'other', run: () => undefined }]))
    expect(commands.value.map((command) => command.title)).toEqual(['hold', 'other'])
    scope.stop()
    expect(commands.value.map((command) => command.title)).toEqual(['other'])
  })

  it('run once for a key held down, and take it from the browser', () => {
    const run = vi.fn()
    within(() => {
      listenForKeys()
      useKeys({ F4: run })
    })
    const first = key('F4')
    document.body.dispatchEvent(first)
    document.body.dispatchEvent(key('F4', { repeat: true }))
    expect(run).toHaveBeenCalledTimes(1)
    expect(first.defaultPrevented).toBe(true)
  })

  it('that fail are shown by the shell', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const wrong = new Error('no')
    within(() => {
      listenForKeys()
      useKeys({ F4: () => Promise.reject(wrong) })
    })
    document.body.dispatchEvent(key('F4'))
    await vi.waitFor(() => expect(failure.value).toBe(wrong))
  })
})
