const BROWSERS: readonly [RegExp, string][] = [
  [/Edg\//, 'Edge'],
  [/Firefox\//, 'Firefox'],
  [/OPR\//, 'Opera'],
  [/Chrom(?:e|ium)\//, 'Chrome'],
  [/Safari\//, 'Safari'],
]
const SYSTEMS: readonly [RegExp, string][] = [
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iOS'],
  [/Windows/, 'Windows'],
  [/Mac OS X/, 'macOS'],
  [/Linux/, 'Linux'],
]

/** A device in a few words, from what it said of itself when it signed in. */
export function clientName(agent: string, browser: boolean): string {
  const first = (table: readonly [RegExp, string][]): string | undefined => table.find(([sign]) => sign.test(agent))?.[1]
  if (!browser) return `程序${agent ? `（${agent.slice(0, 40)}）` : ''}`
  return [first(BROWSERS) ?? '浏览器', first(SYSTEMS)].filter(Boolean).join(' · ')
}
