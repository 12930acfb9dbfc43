/**
 * The templates of the Helm chart that hold what config/ holds: they are its files, with the few words in them that are values of the
 * chart. See docs/adr/0011-kustomize-and-helm.md for why the chart is made from the manifests and not the other way round.
 */
import { globSync, readFileSync } from 'node:fs';

const root = new URL('../../', import.meta.url);
const chart = 'charts/security-baseline-operator';

/** A template that is generated. */
interface GeneratedTemplate {
  /** Below the chart's folder for templates. */
  readonly file: string;
  /** What it is made from; globs, relative to the repository. */
  readonly sources: readonly string[];
  /** A condition in the language of templates: the objects are there only where it holds. */
  readonly when?: string;
  /** `keep`: an uninstall leaves the objects in place. */
  readonly onUninstall?: 'keep';
}

const generated: readonly GeneratedTemplate[] = [
  { file: 'crds.yaml', sources: ['crds/*.yaml'], onUninstall: 'keep' },
  { file: 'rbac.yaml', sources: ['config/rbac/*.yaml'] },
  { file: 'people.yaml', sources: ['config/people/*.yaml'] },
  { file: 'disruption-budget.yaml', sources: ['config/manager/disruption-budget.yaml'] },
  { file: 'flow-schema.yaml', sources: ['config/manager/flow-schema.yaml'] },
  {
    file: 'priority-class.yaml',
    sources: ['config/manager/priority-class.yaml'],
    when: 'eq .Values.priorityClassName "security-baseline-operator"',
  },
  { file: 'guard.yaml', sources: ['config/policies/guard/*.yaml'], when: '.Values.features.guard' },
  {
    file: 'admission.yaml',
    sources: ['config/policies/rules/*.yaml'],
    when: '.Values.features.admission',
  },
  {
    file: 'prometheus-rules.yaml',
    sources: ['config/monitoring/prometheus-rules.yaml'],
    when: 'ne .Values.features.monitoring "None"',
  },
  {
    file: 'pod-monitor.yaml',
    sources: ['config/monitoring/pod-monitor/*.yaml'],
    when: 'eq .Values.features.monitoring "PodMonitor"',
  },
  {
    file: 'service-monitor.yaml',
    sources: ['config/monitoring/service-monitor/*.yaml'],
    when: 'eq .Values.features.monitoring "ServiceMonitor"',
  },
];

/** Each generated file of the chart, with its text. */
export function chartFiles(): ReadonlyMap<string, string> {
  return new Map([
    ...generated.map((template) => [`${chart}/templates/${template.file}`, textOf(template)] as const),
    // A template can read files of its own chart alone.
    [`${chart}/dashboard.json`, read('config/monitoring/dashboard.json')],
  ]);
}

function textOf({ file, sources, when, onUninstall }: GeneratedTemplate): string {
  const files = sources.flatMap((source) =>
    globSync(source, { cwd: root.pathname, exclude: ['**/kustomization.yaml'] }).sort(),
  );
  if (files.length === 0) throw new Error(`${file}: no file matches ${sources.join(', ')}`);
  const objects = files.map((source) => {
    const text = templateOf(read(source).trimEnd());
    return onUninstall === 'keep' ? kept(text) : text;
  });
  return [
    `{{- /* Generated from ${sources.join(', ')} by \`make generate\`. Do not edit. */ -}}`,
    ...(when === undefined ? [] : [`{{- if ${when} }}`]),
    objects.join('\n---\n'),
    ...(when === undefined ? [] : ['{{- end }}']),
    '',
  ].join('\n');
}

function read(file: string): string {
  return readFileSync(new URL(file, root), 'utf8');
}

/** A manifest's text as a template: what begins an action is text here, and what differs between installs is a value. */
function templateOf(manifest: string): string {
  return manifest
    .replaceAll('{{', '{{ "{{" }}')
    .replaceAll(/^( *)- security-baseline-system$/gm, protectedNamespaces)
    .replaceAll('security-baseline-system', '{{ .Release.Namespace }}')
    .replaceAll('security-baseline:break-glass', '{{ .Values.breakGlassGroup }}');
}

/** In the policies, the operator's own namespace is the last of those that are protected anyway. */
function protectedNamespaces(_line: string, indent: string): string {
  return [
    `${indent}- {{ .Release.Namespace }}`,
    `${indent}{{- range .Values.protectedNamespaces }}`,
    `${indent}- {{ . | quote }}`,
    `${indent}{{- end }}`,
  ].join('\n');
}

/** See https://helm.sh/docs/topics/charts_hooks: the annotation is about what an uninstall leaves alone. */
function kept(template: string): string {
  return template.replaceAll(
    /^metadata:\n(?! {2}annotations:)/gm,
    'metadata:\n  annotations:\n    helm.sh/resource-policy: keep\n',
  );
}
