import { defineConfig } from 'vitest/config'

// Two files with fixed names, which the server embeds and serves under /verify/: the page's script and
// the worker that computes. No inline script, so that the page's content security policy can forbid it.
export default defineConfig({
  base: '/verify/',
  publicDir: false,
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: false,
    rollupOptions: {
      input: {
        page: new URL('./src/page.ts', import.meta.url).pathname,
        worker: new URL('./src/worker.ts', import.meta.url).pathname,
      },
      output: { entryFileNames: '[name].js', chunkFileNames: '[name].js', assetFileNames: '[name][extname]' },
    },
  },
  test: { include: ['test/**/*.test.ts'], testTimeout: 60_000 },
})
