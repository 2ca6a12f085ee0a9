/** Categories by name, those that are retired as well. */

import { paths } from '@/desk/catalogue'
import type { Category } from '@/desk/types'

/** What each category is called, by code. */
export function categoryNames(categories: readonly Category[]): Map<string, string> {
  const retired = categories.filter((one) => !one.active).map((one) => [one.code, `${one.name}（已停用）`] as const)
  return new Map([...retired, ...paths(categories).map((one) => [one.code, one.path] as const)])
}
