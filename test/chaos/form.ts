import { Random } from './random.ts';

/** How much of everything. */
export interface Form {
  /** Whether the scenarios run that take long, or need another control plane. */
  readonly isFull: boolean;
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
  isFull: false,
  burst: 20,
  kills: 2,
  churnOperations: 40,
  churnClients: 4,
  idleWindowMs: 1_000,
  patienceMs: 60_000,
};

const full: Form = {
  isFull: true,
  burst: 300,
  kills: 10,
  churnOperations: 2_000,
  churnClients: 8,
  idleWindowMs: 5_000,
  patienceMs: 180_000,
};

/** The short form, part of every test run, or with `CHAOS=full` the whole suite. */
export const form = process.env.CHAOS === 'full' ? full : short;

/** Where all chance comes from: `CHAOS_SEED`, or a new one each time. */
export const chance = new Random(Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000));
