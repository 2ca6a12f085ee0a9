/** Tables that the line gives as text, kept as a file; a refusal is an error that the page shows. */

import { api, type Query } from '@/api/client'

/** Asks for a table and has the browser keep it. Throws as `api.get` does. */
export async function keepTable(path: string, query: Query, name: string): Promise<void> {
  const { data } = await api.get<string>(path, query, { timeout: 120_000 })
  // Reading it as text took away the mark by which spreadsheets know UTF-8.
  const url = URL.createObjectURL(new Blob(['\ufeff', data], { type: 'text/csv;charset=utf-8' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}
