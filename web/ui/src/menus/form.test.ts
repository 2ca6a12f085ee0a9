import { expect, it } from 'vitest'

import { type Schema, formOf } from './form'

/** As the server publishes it, cut to a menu and a web request. */
const NODE = { anyOf: [{ type: 'string', pattern: '^[a-z]' }, { type: 'null' }] }
const SCHEMA: Schema = {
  $defs: {
    Prompt: {},
    Menu: {
      properties: {
        note: { type: 'string', maxLength: 400 },
        type: { const: 'menu' },
        prompt: { $ref: '#/$defs/Prompt' },
        options: { patternProperties: { '^[0-9*#]$': { $ref: '#/$defs/Option' } } },
        seconds: { type: 'number', minimum: 1, maximum: 30 },
        attempts: { type: 'integer', minimum: 1, maximum: 5 },
        wrong: { anyOf: [{ $ref: '#/$defs/Prompt' }, { type: 'null' }] },
        on_timeout: NODE,
        on_wrong: NODE,
      },
    },
    Web: {
      properties: {
        type: { const: 'web' },
        url: { type: 'string', maxLength: 2083 },
        method: { type: 'string', enum: ['GET', 'POST'] },
        seconds: { type: 'number', exclusiveMinimum: 0, maximum: 8 },
        send: { patternProperties: { '^[a-z]': { type: 'string' } } },
        next: NODE,
      },
    },
    Queue: { properties: { type: { const: 'queue' }, queue: NODE, skills: { type: 'array', items: {} } } },
  },
}

it('has every field of the type, what is said first and ways out and the remark last', () => {
  const fields = formOf(SCHEMA, 'menu')
  expect(fields.map((field) => `${field.name} ${field.kind}`)).toEqual([
    'prompt prompt',
    'options options',
    'seconds number',
    'attempts number',
    'wrong prompt',
    'on_timeout way',
    'on_wrong way',
    'note long',
  ])
  expect(fields[2]).toMatchObject({ least: 1, most: 30, label: '等待秒数', optional: false })
  expect(fields[3]).toMatchObject({ whole: true })
  expect(fields[4]).toMatchObject({ optional: true })
})

it('takes bounds, choices and references from the schema and the words of the type', () => {
  const web = formOf(SCHEMA, 'web')
  expect(web.find((field) => field.name === 'method')).toMatchObject({ kind: 'choice', choices: ['GET', 'POST'] })
  expect(web.find((field) => field.name === 'seconds')).toMatchObject({ label: '最长秒数', least: 0, most: 8 })
  expect(web.find((field) => field.name === 'send')?.kind).toBe('map')
  expect(formOf(SCHEMA, 'queue')[0]).toMatchObject({ kind: 'reference', of: 'queue', optional: true })
})
