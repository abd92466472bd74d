import { join } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

/**
 * Leaves out the hooks of downshift that the console does not use. Each attaches a property to itself, which a bundler must take for a
 * use of it: 5 kB of the compressed files.
 */
const withoutUnusedHooks: Plugin = {
  name: 'without-unused-hooks',
  transform: {
    filter: { id: /downshift\.esm\.mjs$/ },
    handler: (code) =>
      code.replaceAll(/^(?:useSelect|useMultipleSelection|_?useTagGroup)\.stateChangeTypes = .*;$/gm, ''),
  },
};

/** `npm run build` builds the console into dist/console, where the service finds it. `npx vite src/console` serves it while you edit it. */
export default defineConfig({
  root: import.meta.dirname,
  // Links are relative, so that the console works below a path prefix.
  base: './',
  plugins: [withoutUnusedHooks],
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
