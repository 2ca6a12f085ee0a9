import { fileURLToPath } from 'node:url'

import vue from '@vitejs/plugin-vue'
import Components from 'unplugin-vue-components/vite'
import { ElementPlusResolver } from 'unplugin-vue-components/resolvers'
import { defineConfig } from 'vitest/config'

import { compressed } from './build/compressed.ts'

// Where `npm run dev` finds the line; built pages are served by the line itself.
const line = process.env.HOTLINE_LINE ?? 'http://127.0.0.1:18345'

export default defineConfig({
  plugins: [
    vue(),
    compressed(),
    // Element Plus component by component, each with its own style sheet: a page's chunk has what the page shows.
    Components({ dts: false, dirs: [], resolvers: [ElementPlusResolver({ importStyle: 'css' })] }),
  ],
  resolve: { alias: { '@': fileURLToPath(new URL('src', import.meta.url)) } },
  build: {
    target: 'es2022',
    // The staff's pages, and the script of the citizens' own page that calls; `web/pages.py` reads which file it became.
    rolldownOptions: { input: ['index.html', 'src/citizen/call.ts'] },
    manifest: 'manifest.json',
    // The content security policy allows no data: addresses in styles and scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 700,
  },
  server: {
    host: '127.0.0.1',
    proxy: { '/api': { target: line, ws: true }, '/ws': { target: line, ws: true }, '/sip': { target: line, ws: true }, '/openapi.json': line },
  },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.ts'],
    restoreMocks: true,
    testTimeout: 20_000,
    server: { deps: { inline: ['element-plus'] } },
  },
})
