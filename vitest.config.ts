import { defineConfig } from 'vitest/config';

/** One project per kind of test; test/README.md says what each proves. Pure ones share their workers, which is ten times faster. */
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], isolate: false, pool: 'threads', testTimeout: 30_000 } },
      { test: { name: 'style', include: ['test/style/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 } },
      { test: { name: 'contract', include: ['test/contract/**/*.test.ts'], testTimeout: 30_000, hookTimeout: 30_000 } },
      { test: { name: 'etcd', include: ['test/etcd/**/*.test.ts'], fileParallelism: false, testTimeout: 60_000, hookTimeout: 60_000 } },
      { test: { name: 'sim', include: ['test/sim/**/*.test.ts'], pool: 'forks', testTimeout: 180_000, hookTimeout: 60_000 } },
      {
        test: {
          name: 'conformance',
          include: ['test/conformance/**/*.test.ts'],
          fileParallelism: false,
          maxConcurrency: 8,
          testTimeout: 60_000,
          hookTimeout: 240_000,
        },
      },
      { test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], fileParallelism: false, testTimeout: 60_000, hookTimeout: 60_000 } },
    ],
    coverage: { include: ['core/**', 'adapters/**'], reporter: ['text', 'lcov'] },
  },
});
