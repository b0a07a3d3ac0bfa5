import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

// The agent serves the built app from its own loopback address and embeds `dist/` in its binary.
export default defineConfig({
  plugins: [vue()],
  base: './',
  build: { target: 'es2022', chunkSizeWarningLimit: 900 },
})
