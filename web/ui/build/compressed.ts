import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

import type { Plugin, ResolvedConfig } from 'vite'

const WORTH_IT = /\.(js|css|html|svg)$/
const SMALLEST = 1024

/** Writes `.br` and `.gz` beside every text of the build: the line serves them as they are (`web/pages.py`). */
export function compressed(): Plugin {
  let config: ResolvedConfig
  return {
    name: 'hotline:compressed',
    apply: 'build',
    configResolved(resolved) {
      config = resolved
    },
    async closeBundle(error?: Error) {
      if (error) return
      const out = resolve(config.root, config.build.outDir)
      const files = await readdir(out, { recursive: true })
      for (const file of files.filter((name) => WORTH_IT.test(name))) {
        const text = await readFile(join(out, file))
        if (text.length < SMALLEST) continue
        const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } }
        await writeFile(join(out, `${file}.br`), await promisify(brotliCompress)(text, quality))
        await writeFile(join(out, `${file}.gz`), await promisify(gzip)(text, { level: 9 }))
      }
    },
  }
}
