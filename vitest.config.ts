import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** Where an operating system's packages put PostgreSQL; the lowest supported major version that is there is tested too. */
const SYSTEM_POSTGRES = '/usr/lib/postgresql';
const systemMajor = [15, 16, 17].find((major) => existsSync(join(binDirOf(major), 'initdb')));

/** Tests in a browser, which comes as a package for this system alone. */
const IN_BROWSER = 'tests/**/*browser.test.ts';
const hasBrowser = process.platform === 'linux' && process.arch === 'x64';

const COMPILE_CACHE = 'tests/support/compile-cache.ts';

/** Tests against a cluster of the project's own; see tests/support/cluster.ts. */
function databaseProject(name: string, binDir: string | null, exclude: readonly string[] = []) {
  const withBrowser = !exclude.includes(IN_BROWSER);
  const folders = ['db', 'ledger', 'graphql', 'server', 'faults', 'client', 'cli'];
  return {
    // As Node itself resolves packages: graphql refuses to be there twice, in two builds.
    ssr: { resolve: { conditions: ['node', 'module-sync'] } },
    test: {
      name,
      include: folders.map((folder) => `tests/${folder}/**/*.test.ts`),
      exclude: [...exclude],
      globalSetup: [
        COMPILE_CACHE,
        'tests/support/cluster.ts',
        ...(withBrowser ? ['tests/support/chromium.ts'] : []),
      ],
      provide: { binDir },
      // Services that tests start use the cluster, which keeps nothing over a crash.
      env: { ALLOW_UNSAFE_DURABILITY: '1' },
      testTimeout: 30_000,
      hookTimeout: 30_000,
    },
  };
}

function binDirOf(major: number): string {
  return join(SYSTEM_POSTGRES, String(major), 'bin');
}

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      { test: { name: 'core', include: ['tests/core/**/*.test.ts'] } },
      { test: { name: 'scripts', include: ['tests/scripts/**/*.test.ts'], globalSetup: [COMPILE_CACHE] } },
      databaseProject('pg18', null, hasBrowser ? [] : [IN_BROWSER]),
      ...(systemMajor === undefined
        ? []
        : // What starts servers itself, or is about HTTP, logs, pages, rights, caches or bugs in src/core, says nothing about another
          // version of them.
          [
            databaseProject(`pg${systemMajor}`, binDirOf(systemMajor), [
              'tests/db/embedded.test.ts',
              'tests/faults/durability.test.ts',
              'tests/faults/failover.test.ts',
              'tests/faults/standby.test.ts',
              'tests/graphql/rights/**',
              'tests/ledger/access/authentication.test.ts',
              'tests/ledger/model/*-planted.test.ts',
              'tests/cli/**',
              'tests/client/**',
              'tests/server/**',
              IN_BROWSER,
            ]),
          ]),
    ],
  },
});
