import { join } from 'node:path';
import { defineConfig } from 'vite';

/** `npm run build` builds the console into dist/console, where the service finds it. `npx vite src/console` serves it while you edit it. */
export default defineConfig({
  root: import.meta.dirname,
  // Links are relative, so that the console works below a path prefix.
  base: './',
  build: {
    outDir: join(import.meta.dirname, '../../dist/console'),
    emptyOutDir: true,
    target: 'es2022',
    // The Content-Security-Policy allows files of the service alone.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // One file: it is small enough to be read at once, and a test holds its compressed size.
    chunkSizeWarningLimit: 1000,
    rolldownOptions: {
      onLog: (level, log, write) => {
        // Directives of packages for servers, which mean nothing in a browser.
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') write(level, log);
      },
    },
  },
  // The service that `npm start` runs.
  server: { host: '127.0.0.1', proxy: { '/graphql': 'http://127.0.0.1:4000' } },
});
