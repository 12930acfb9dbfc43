import { expect, test } from 'vitest';
import {
  type PodSecurityQuestion,
  podSecurityViolations,
} from '../../../src/cli/plan/pod-security-violations.ts';
import { namespace } from '../diff/fixtures.ts';

const enforce = 'pod-security.kubernetes.io/enforce';
const version = `${enforce}-version`;

/** What the API server is asked about a namespace with these labels, of which the plan writes those. */
async function asked(labels: Readonly<Record<string, string>>, written: Readonly<Record<string, string>>) {
  const questions: unknown[] = [];
  const client = {
    dryRunPatch: async (_path: string, patch: unknown) => {
      questions.push(patch);
      return [];
    },
  };
  const change = { action: 'label', labels: written, annotations: {}, loses: false } as const;
  await podSecurityViolations([{ namespace: namespace({ labels }), changes: [change] }], {
    client,
    pods: [],
  } as unknown as PodSecurityQuestion);
  return questions;
}

test.each([
  ['a level that rises', { [enforce]: 'baseline' }, { [enforce]: 'restricted', [version]: 'latest' }],
  [
    'a newer version beside a level that is theirs',
    { [enforce]: 'restricted', [version]: 'v1.0' },
    { [version]: 'latest' },
  ],
])('the API server is asked about %s', async (_what, labels, written) => {
  expect(await asked(labels, written)).toEqual([
    { metadata: { labels: { [enforce]: 'restricted', [version]: 'latest' } } },
  ]);
});

test.each([
  ['stays', { [enforce]: 'restricted' }, { [enforce]: 'restricted', [version]: 'latest' }],
  ['gets lower', { [enforce]: 'restricted' }, { [enforce]: 'baseline', [version]: 'latest' }],
])('and not about a level that %s', async (_what, labels, written) => {
  expect(await asked(labels, written)).toEqual([]);
});
