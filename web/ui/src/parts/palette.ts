import { ref } from 'vue'

/** Whether the palette of commands is open; Ctrl+K turns it. */
export const paletteOpen = ref(false)
