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

const ON_DATABASE = ['db', 'ledger', 'graphql', 'faults'].map((folder) => `tests/${folder}/**/*.test.ts`);

/**
 * Tests whose files have processes of their own: they start servers, change the environment, or plant bugs. What they test does not depend
 * on the version of PostgreSQL.
 */
const ALONE = [
  'tests/db/embedded.test.ts',
  'tests/faults/durability.test.ts',
  'tests/faults/failover.test.ts',
  'tests/faults/standby.test.ts',
  'tests/graphql/rights/**/*.test.ts',
  'tests/ledger/access/authentication.test.ts',
  'tests/ledger/model/*-planted.test.ts',
  'tests/cli/**/*.test.ts',
  'tests/client/**/*.test.ts',
  'tests/server/**/*.test.ts',
];

/** Tests against a cluster of the project's own; see tests/support/cluster.ts. `binDir`: null for the embedded PostgreSQL. */
function databaseProject(name: string, binDir: string | null) {
  return {
    // As Node itself resolves packages: graphql refuses to be there twice, in two builds.
    ssr: { resolve: { conditions: ['node', 'module-sync'] } },
    test: {
      name,
      isolate: false,
      include: ON_DATABASE,
      exclude: [...ALONE],
      globalSetup: [COMPILE_CACHE, 'tests/support/cluster.ts'],
      provide: { binDir },
      // Services that tests start use the cluster, which keeps nothing over a crash.
      env: { ALLOW_UNSAFE_DURABILITY: '1' },
      testTimeout: 30_000,
      hookTimeout: 30_000,
    },
  };
}

/** Tests with a process for each file, some of them in a browser. */
function isolatedProject(name: string, include: readonly string[]) {
  const project = databaseProject(name, null);
  return {
    ...project,
    test: {
      ...project.test,
      isolate: true,
      include: [...include],
      exclude: hasBrowser ? [] : [IN_BROWSER],
      globalSetup: [...project.test.globalSetup, ...(hasBrowser ? ['tests/support/chromium.ts'] : [])],
    },
  };
}

/** Tests of the console: its functions alone, and its pages in a browser. */
function consoleProject() {
  const project = isolatedProject('console', ['tests/console/**/*.test.ts']);
  return {
    ...project,
    test: {
      ...project.test,
      globalSetup: [...project.test.globalSetup, 'tests/support/console.ts'],
      // The pages mostly wait: for their next reading, or for a service that does not answer. They are tested after all others.
      maxWorkers: 4,
      expect: { poll: { timeout: 10_000 } },
      sequence: { groupOrder: 1 },
    },
  };
}

function binDirOf(major: number): string {
  return join(SYSTEM_POSTGRES, String(major), 'bin');
}

export default defineConfig({
  test: {
    pool: 'forks',
    // Many tests wait: for a deadline, a lock, or a service that starts.
    maxWorkers: 3,
    projects: [
      { test: { name: 'core', include: ['tests/core/**/*.test.ts'], isolate: false } },
      { test: { name: 'scripts', include: ['tests/scripts/**/*.test.ts'], globalSetup: [COMPILE_CACHE] } },
      databaseProject('pg18', null),
      isolatedProject('alone', ALONE),
      consoleProject(),
      ...(systemMajor === undefined ? [] : [databaseProject(`pg${systemMajor}`, binDirOf(systemMajor))]),
    ],
  },
});
