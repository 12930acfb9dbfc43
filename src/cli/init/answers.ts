/** What a baseline is made from: given by flags, or asked for. */
import type { Findings } from './findings.ts';

/** Everything that has to be decided. */
export interface Answers {
  readonly name: string;
  /** `key=value`; undefined for every namespace. */
  readonly selector: string | undefined;
  readonly exclude: readonly string[];
  readonly mode: 'Audit' | 'Enforce';
  readonly deny: readonly ('Ingress' | 'Egress')[];
  /** The namespace of the gateway. */
  readonly gateway: string | undefined;
  /** The namespace of the monitoring. */
  readonly monitoring: string | undefined;
  /** Why pods may connect to the internet; undefined where they may not. */
  readonly internet: string | undefined;
  readonly podSecurity: 'baseline' | 'restricted' | undefined;
  readonly quotas: boolean;
}

/** What flags have given. */
export type Given = Partial<Answers>;

/** A prudent beginning: it audits, so nothing breaks. */
export function defaultAnswers(findings: Findings | undefined): Answers {
  return {
    name: 'tenant',
    selector: undefined,
    exclude: [],
    mode: 'Audit',
    deny: ['Ingress', 'Egress'],
    gateway: findings?.gateways[0],
    monitoring: findings?.monitoring[0],
    internet: undefined,
    podSecurity: 'baseline',
    quotas: true,
  };
}

/** Puts a question, and reads an answer; an empty one is the default. */
export type Ask = (question: string, fallback: string) => Promise<string>;

/** Asks for what flags have not given. */
export async function askFor(given: Given, findings: Findings | undefined, ask: Ask): Promise<Answers> {
  const base = defaultAnswers(findings);
  const common = findings?.labels[0]?.label ?? '';
  const text = async (key: keyof Answers, question: string, fallback: string): Promise<string | undefined> =>
    key in given ? undefined : await ask(question, fallback);
  const name = await text('name', 'Name of the baseline', base.name);
  const selector = await text(
    'selector',
    'Label that selects namespaces, key=value, or * for all',
    common === '' ? '*' : common,
  );
  const mode = await text('mode', 'Mode: Audit reports only, Enforce writes', base.mode);
  const deny = await text('deny', 'Deny unless allowed: Ingress, Egress, or both', base.deny.join(','));
  const gateway = await text(
    'gateway',
    'Namespace of the gateway that serves the pods, - for none',
    base.gateway ?? '-',
  );
  const monitoring = await text(
    'monitoring',
    'Namespace of the monitoring, - for none',
    base.monitoring ?? '-',
  );
  const internet = await text('internet', 'Why pods may connect to the internet, - if they may not', '-');
  const podSecurity = await text(
    'podSecurity',
    'Pod Security level to enforce: baseline, restricted, - for none',
    base.podSecurity ?? '-',
  );
  const quotas = await text('quotas', 'Quotas and limits to begin with: yes or no', 'yes');
  const level = podSecurity === undefined ? undefined : orNone(podSecurity);
  return {
    ...base,
    ...(name === undefined ? {} : { name }),
    ...(selector === undefined ? {} : { selector: selector === '*' ? undefined : selector }),
    ...(mode === undefined ? {} : { mode: oneOf(mode, ['Audit', 'Enforce'], base.mode) }),
    ...(deny === undefined ? {} : { deny: directionsOf(deny) }),
    ...(gateway === undefined ? {} : { gateway: orNone(gateway) }),
    ...(monitoring === undefined ? {} : { monitoring: orNone(monitoring) }),
    ...(internet === undefined ? {} : { internet: orNone(internet) }),
    podSecurity:
      level === undefined
        ? undefined
        : oneOf<'baseline' | 'restricted'>(level, ['baseline', 'restricted'], 'baseline'),
    ...(quotas === undefined ? {} : { quotas: /^y/i.test(quotas) }),
    ...given,
  };
}

/** The directions in a text such as `Ingress,Egress` or `both`. */
export function directionsOf(text: string): readonly ('Ingress' | 'Egress')[] {
  const isBoth = /both/i.test(text);
  return (['Ingress', 'Egress'] as const).filter(
    (direction) => isBoth || new RegExp(direction, 'i').test(text),
  );
}

function orNone(text: string): string | undefined {
  return ['-', '', 'none', 'no'].includes(text.toLowerCase()) ? undefined : text;
}

function oneOf<T extends string>(text: string, choices: readonly T[], fallback: T): T {
  return choices.find((choice) => choice.toLowerCase() === text.toLowerCase()) ?? fallback;
}
