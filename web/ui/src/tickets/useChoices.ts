import { computed, onMounted, shallowRef } from 'vue'

import { paths, reference, type Reference } from '@/desk/catalogue'
import type { Choice } from '@/desk/PickList.vue'

/** Units, categories and areas by name, as pick lists want them; empty until they are read. */
export function useChoices() {
  const read = shallowRef<Reference>({ categories: [], units: [], areas: [] })
  const units = computed<Choice[]>(() => read.value.units.map((one) => ({ value: String(one.id), text: one.name })))
  const categories = computed<Choice[]>(() => paths(read.value.categories).map((one) => ({ value: one.code, text: one.path })))
  const areas = computed<Choice[]>(() => read.value.areas.map((one) => ({ value: one.code, text: one.name })))

  function nameOf(choices: readonly Choice[], value: string | number | null): string {
    if (value === null || value === '') return '—'
    return choices.find((one) => one.value === String(value))?.text ?? String(value)
  }

  async function reload(): Promise<void> {
    try {
      read.value = await reference()
    } catch {
      // Without the names codes and ids are shown; whatever else the page reads says what is wrong.
    }
  }

  onMounted(reload)

  return {
    read,
    reload,
    units,
    categories,
    areas,
    unitName: (id: number | string | null) => nameOf(units.value, id),
    categoryName: (code: string) => nameOf(categories.value, code),
    areaName: (code: string) => nameOf(areas.value, code),
  }
}
