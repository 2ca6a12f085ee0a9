/** A column of `DataTable`. */
export interface Column<T> {
  /** The row's member that is shown, and the name of the slot `cell-<key>`. */
  key: string
  title: string
  /** How the cell reads where it is not the member as it is. */
  text?: (row: T) => string
  align?: 'start' | 'middle' | 'end'
  /** `narrow`: as wide as its content; `broad`: takes what is left. */
  width?: 'narrow' | 'broad'
}
