/** Files that the line gives, kept by the browser; a refusal is an error that the page shows. */

import { api, type Query } from '@/api/client'

const TIMEOUT = 120_000

function keep(content: Blob, name: string): void {
  const url = URL.createObjectURL(content)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}

/** Asks for a table and has the browser keep it. Throws as `api.get` does. */
export async function keepTable(path: string, query: Query, name: string): Promise<void> {
  const { data } = await api.get<string>(path, query, { timeout: TIMEOUT })
  // Reading it as text took away the mark by which spreadsheets know UTF-8.
  keep(new Blob(['\ufeff', data], { type: 'text/csv;charset=utf-8' }), name)
}

/** The same for a file that is kept byte for byte. */
export async function keepFile(path: string, name: string): Promise<void> {
  keep((await api.get<Blob>(path, {}, { timeout: TIMEOUT, binary: true })).data, name)
}
