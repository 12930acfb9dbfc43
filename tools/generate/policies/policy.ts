/**
 * How a ValidatingAdmissionPolicy of ours is put together: the same exemptions, the same matching of baselines and the
 * same form of message in each, so that what differs between two policies is only what they are about.
 *
 * Each baseline is a parameter, and for each the API server converts object, namespace and request to CEL values
 * anew, three or four times per policy whatever the policy then does; the expressions themselves cost next to nothing.
 * So there is one policy per resource and not one per rule. Where every baseline is to be looked at, exemptions are variables and
 * not matchConditions, which would be one conversion more. Source: newActivation in
 * https://github.com/kubernetes/apiserver/blob/v0.36.3/pkg/admission/plugin/cel/activation.go
 */
import { Document } from 'yaml';
import {
  admissionLabel,
  apiVersion as baselineVersion,
  group,
  operatorName,
} from '../../../src/api/labels.ts';
import { byRequestNamespace, type Selection, type Variable } from './selection.ts';

/** A request that a policy is about, as in admissionregistration.k8s.io/v1. */
export interface ResourceRule {
  readonly apiGroups: readonly string[];
  readonly apiVersions?: readonly string[];
  readonly operations: readonly ('CREATE' | 'UPDATE' | 'DELETE')[];
  readonly resources: readonly string[];
}

/** One thing that a request can be refused for. */
export interface Rule {
  /** The field of the baseline that asks for it, or the name of the guard. */
  readonly name: string;
  /** CEL, true where the request may pass. */
  readonly holds: string;
  /** CEL of a string: what was found. */
  readonly found: string;
  /** What to do about it, in plain words. */
  readonly fix: string;
}

interface PolicyParts {
  /** The policy is called `<name>.securitybaseline.io`. */
  readonly name: string;
  /** Said at the head of the file. */
  readonly about: string;
  readonly rules: readonly ResourceRule[];
  readonly variables: readonly Variable[];
  readonly validations: readonly Rule[];
}

/** A policy that looks at the baselines, which are its parameters. */
export interface BaselinePolicy extends PolicyParts {
  /** Whether the operator itself may pass. It makes most of such requests then, so that exemptions are looked at first, as matchConditions. */
  readonly exemptOperator?: boolean;
  /** CEL, true where the baseline asks for anything that this policy is about. Default: it always does. */
  readonly concerns?: string;
  /** Whether it also concerns baselines that ask nothing of admission. */
  readonly concernsAll?: boolean;
  /** Default: by the namespace of the request. */
  readonly selection?: Selection;
  /** Whether rules use `authorizer`. */
  readonly asksAuthorizer?: boolean;
}

/** A policy that knows of no baseline, so that it works, and lets namespaces go, when there are none. */
export interface GuardPolicy extends PolicyParts {
  readonly objectSelector?: object;
  /** Users that may pass besides the operator. */
  readonly exemptUsers?: readonly string[];
}

const apiVersion = 'admissionregistration.k8s.io/v1';
const operatorUser = 'system:serviceaccount:security-baseline-system:security-baseline-operator';
const protectedNamespaces = ['kube-system', 'kube-public', 'kube-node-lease', 'security-baseline-system'];

/** Installed as they are, rendered otherwise by config/policies/settings: it replaces what stands between the quotes. */
const breakGlass = {
  name: 'breakGlass',
  expression: "'security-baseline:break-glass' in request.userInfo.groups",
};
const operator = `'${operatorUser}' == request.userInfo.username`;

/** As matchConditions: most requests are the operator's, where it is exempt, and one evaluation is all that they cost then. */
const notExempt = [
  { name: 'not-break-glass', expression: `!(${breakGlass.expression})` },
  { name: 'not-operator', expression: `!(${operator})` },
];

/** The file of a policy and its twin for baselines in mode Audit: a binding either denies or warns, whatever the mode. */
export function baselinePolicyFile(policy: BaselinePolicy): string {
  const isExemptEarly = policy.exemptOperator === true;
  const selection = policy.selection ?? byRequestNamespace;
  const exemptions = isExemptEarly ? [] : [breakGlass];
  const exempt = exemptions.map(({ name }) => `!variables.${name}`);
  const early = isExemptEarly ? notExempt : [];
  const inMode = (mode: 'Enforce' | 'Audit'): string =>
    [`params.spec.mode == '${mode}'`, ...(policy.concerns === undefined ? [] : [policy.concerns])].join(
      ' && ',
    );
  const checks = (conditions: readonly string[], start: string): object => {
    const { variables, validations } = (policy.asksAuthorizer ? separate : combined)(
      policy.validations,
      start,
    );
    const applies = { name: 'applies', expression: [...conditions, selection.applies].join(' && ') };
    return {
      variables: [...exemptions, ...selection.variables, applies, ...policy.variables, ...variables],
      validations,
    };
  };
  const constraints = {
    // Before anything else, and without a look at the baselines: nothing of ours may ever stand in the cluster's own way.
    namespaceSelector: {
      matchExpressions: [
        { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: protectedNamespaces },
      ],
    },
    resourceRules: resourceRules(policy),
  };
  const enforced = {
    paramKind,
    matchConstraints: constraints,
    ...(isExemptEarly
      ? { matchConditions: [...early, { name: 'enforce-mode', expression: inMode('Enforce') }] }
      : {}),
    ...checks(
      isExemptEarly ? [] : [...exempt, inMode('Enforce')],
      "'baseline ' + params.metadata.name + ', ",
    ),
  };
  const audited = {
    paramKind,
    matchConstraints: constraints,
    // Most baselines enforce: one conversion is all that they cost here.
    matchConditions: [...early, { name: 'audit-mode', expression: inMode('Audit') }],
    ...checks(exempt, "'would be denied were it not in mode Audit: baseline ' + params.metadata.name + ', "),
  };
  // A baseline without the label is looked at, so that nothing depends on it; one that does not tell the truth is refused (guard-baselines).
  const paramRef = (otherMode: 'enforce' | 'audit'): object => ({
    selector: {
      matchExpressions: [
        {
          key: admissionLabel,
          operator: 'NotIn',
          values: policy.concernsAll ? [otherMode] : ['none', otherMode],
        },
      ],
    },
    parameterNotFoundAction: 'Allow',
  });
  const { name } = policy;
  const markers = { [`${group}/parameters`]: 'baselines', ...(policy.exemptOperator ? exemptsOperator : {}) };
  return documents(policy.about, [
    policyObject(name, enforced, markers),
    bindingObject(name, { paramRef: paramRef('audit'), validationActions: ['Deny'] }),
    policyObject(`${name}-audit`, audited, markers),
    bindingObject(`${name}-audit`, { paramRef: paramRef('enforce'), validationActions: ['Warn', 'Audit'] }),
  ]);
}

/** The file of a policy without parameters. */
export function guardPolicyFile(policy: GuardPolicy): string {
  const users = policy.exemptUsers ?? [];
  const notUsers = `!(request.userInfo.username in ${JSON.stringify(users).replaceAll('"', "'")})`;
  const checks = combined(policy.validations, "'", true);
  const spec = {
    matchConstraints: {
      ...(policy.objectSelector === undefined ? {} : { objectSelector: policy.objectSelector }),
      resourceRules: resourceRules(policy),
    },
    matchConditions: [
      ...notExempt,
      ...(users.length > 0 ? [{ name: 'not-controller', expression: notUsers }] : []),
    ],
    variables: [...policy.variables, ...checks.variables],
    validations: checks.validations,
  };
  return documents(policy.about, [
    policyObject(policy.name, spec, exemptsOperator),
    bindingObject(policy.name, { validationActions: ['Deny'] }),
  ]);
}

const paramKind = { apiVersion: baselineVersion, kind: 'SecurityBaseline' };

function resourceRules({ rules }: PolicyParts): readonly object[] {
  return rules.map((rule) => ({ apiVersions: ['*'], ...rule }));
}

/**
 * One validation for all rules: whoever is refused reads everything that is wrong at once, and the API server evaluates two
 * expressions rather than two per rule; it works out messages also for what it admits.
 */
function combined(
  rules: readonly Rule[],
  start: string,
  always = false,
): { variables: readonly Variable[]; validations: readonly object[] } {
  const violations = rules.map((rule) => `(${rule.holds} ? [] : [${messageOf(rule, start)}])`);
  return {
    variables: [
      {
        name: 'violations',
        expression: `${always ? '' : '!variables.applies ? [] :\n'}${violations.join(' +\n')}`,
      },
    ],
    validations: [
      {
        expression: 'variables.violations.size() == 0',
        reason: 'Forbidden',
        message: `refused by ${[...new Set(rules.map(({ name }) => name))].join(' or ')}`,
        messageExpression: "variables.violations.join('. Also: ')",
      },
    ],
  };
}

/** Where rules ask the authorizer: there is none in messages, and an expression may ask it but twice. */
function separate(
  rules: readonly Rule[],
  start: string,
): { variables: readonly Variable[]; validations: readonly object[] } {
  const validations = rules.map((rule) => ({
    expression: `!variables.applies || (${rule.holds})`,
    reason: 'Forbidden',
    message: `${rule.name}: ${rule.fix}`,
    messageExpression: `!variables.applies ? '' :\n${messageOf(rule, start)}`,
  }));
  return { variables: [], validations };
}

function messageOf(rule: Rule, start: string): string {
  return `${start}${rule.name}: ' + ${rule.found} + '; ${rule.fix.replaceAll("'", "\\'")}'`;
}

/** What kustomization.yaml finds the policies by in which it replaces something. */
const exemptsOperator = { [`${group}/exempts`]: 'operator' };

const labels = { 'app.kubernetes.io/part-of': operatorName };

function policyObject(name: string, spec: object, markers: object): object {
  return {
    apiVersion,
    kind: 'ValidatingAdmissionPolicy',
    metadata: {
      name: fullName(name),
      labels: { ...labels, ...markers },
    },
    spec: { failurePolicy: 'Fail', ...spec },
  };
}

function bindingObject(name: string, spec: object): object {
  return {
    apiVersion,
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name: fullName(name), labels },
    spec: { policyName: fullName(name), ...spec },
  };
}

function fullName(name: string): string {
  return `${name}.${group}`;
}

function documents(about: string, objects: readonly object[]): string {
  const head = ['Generated from tools/generate/policies by `make generate`. Do not edit.', ...wrap(about)];
  const texts = objects.map((object) =>
    new Document(object, { aliasDuplicateObjects: false }).toString({ lineWidth: 0, singleQuote: true }),
  );
  return `${head.map((line) => `# ${line}\n`).join('')}${texts.join('---\n')}`;
}

function wrap(text: string): string[] {
  return text.match(/.{1,110}(?:\s|$)/g)?.map((line) => line.trim()) ?? [];
}
