import { Random } from './random.ts';

/** How much of everything. */
export interface Form {
  /** Namespaces created at once. */
  readonly burst: number;
  /** How often the operator is killed during one burst. */
  readonly kills: number;
  /** Operations of the churn, and the clients that do them at once. */
  readonly churnOperations: number;
  readonly churnClients: number;
  /** For how long nothing may be written once all is in place. Milliseconds. */
  readonly idleWindowMs: number;
  /** For any state to be reached. Milliseconds. */
  readonly patienceMs: number;
}

const short: Form = {
  burst: 40,
  kills: 3,
  churnOperations: 150,
  churnClients: 4,
  idleWindowMs: 2_000,
  patienceMs: 60_000,
};

const full: Form = {
  burst: 300,
  kills: 10,
  churnOperations: 2_000,
  churnClients: 8,
  idleWindowMs: 10_000,
  patienceMs: 180_000,
};

/** The short form, part of every test run, or with `CHAOS=full` the whole suite. */
export const form = process.env.CHAOS === 'full' ? full : short;

/** Where all chance comes from: `CHAOS_SEED`, or a new one each time. */
export const chance = new Random(Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000));
