import { ref, type App } from 'vue'

import { Offline, Problem } from '@/api/client'

/** What went wrong without anybody having handled it; the shell shows it until it is put away. */
export const failure = ref<unknown>(null)

function isStaleChunk(error: unknown): boolean {
  return error instanceof TypeError && /dynamically imported module|module script/i.test(error.message)
}

/** The pages were built anew while this one was open: its chunks are gone, a reload brings the new ones. */
export const outdated = ref(false)

function take(error: unknown): void {
  if (error instanceof DOMException && error.name === 'AbortError') return
  // The login page follows by itself.
  if (error instanceof Problem && error.status === 401) return
  if (isStaleChunk(error)) outdated.value = true
  else failure.value = error
  if (!(error instanceof Problem) && !(error instanceof Offline)) report(error)
}

function report(error: unknown): void {
  // Not handled means a defect: it belongs where a developer, and the test of every page, looks for it.
  // eslint-disable-next-line no-console
  console.error(error)
}

/** Shows what no page handled: errors of components, of promises, of chunks that no longer exist. */
export function installFailures(app: App): void {
  app.config.errorHandler = take
  window.addEventListener('unhandledrejection', (event) => {
    event.preventDefault()
    take(event.reason)
  })
  window.addEventListener('vite:preloadError', (event) => {
    event.preventDefault()
    outdated.value = true
  })
}

export { take as takeFailure }
