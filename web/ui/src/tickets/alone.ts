/** Runs it unless a dialog lies over the page: its keys are the dialog's then. */
export function alone(run: () => unknown): () => unknown {
  return () => (document.querySelector('dialog[open]') ? undefined : run())
}
