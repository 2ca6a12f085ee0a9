/** Where a login leads back to: a path of ours and nothing else. */
export function wayBack(asked: unknown): string {
  return typeof asked === 'string' && /^\/(?![/\\])/.test(asked) && !/^\/login\b/.test(asked) ? asked : '/'
}
