import { defineConfig } from 'vitest/config';

// Four rungs of the test ladder. Unit tests touch no process and no clock but their own; integration
// tests share one real control plane per run (test/support/global-control-plane.ts); chaos tests have control planes of
// their own, since they harm them (docs/adr/0006-chaos.md), and CHAOS=full is the long form; packaging tests try what people
// install, with the tools that `make foreign` obtains, on control planes of their own, since they install.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          // Not a bound on speed: a busy machine must not fail a right test.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: ['test/support/global-control-plane.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'chaos',
          include: ['test/chaos/**/*.test.ts'],
          testTimeout: process.env.CHAOS === 'full' ? 600_000 : 180_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'packaging',
          include: ['test/packaging/**/*.test.ts'],
          testTimeout: 300_000,
          // An image may have to be built first.
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
