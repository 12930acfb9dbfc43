import { describe, expect, it } from 'vitest';
import { rules } from '../../../../src/cli/check/catalogue.ts';
import { baseline, brokenRules, checkText, deployment, object, pod } from './check-text.ts';

const enforceBaseline = baseline('podSecurity: { enforce: baseline }');
const enforceRestricted = baseline('podSecurity: { enforce: restricted }');
const images = (rule: string) => baseline(`admission: { images: { ${rule} } }`);
const exposure = (rule: string) => baseline(`admission: { exposure: { ${rule} } }`);
const workloads = (rule: string) => baseline(`admission: { workloads: { ${rule} } }`);
const app = (rest: string) => `containers: [{ name: app, image: x, ${rest} }]`;
const secured = (rest: string) => app(`securityContext: { ${rest} }`);
const role = (rule: string) => object('rbac.authorization.k8s.io/v1', 'Role', `rules: [{ ${rule} }]`);
const binding = (to: string, subject: string) =>
  object(
    'rbac.authorization.k8s.io/v1',
    'RoleBinding',
    `roleRef: { kind: ClusterRole, name: ${to} }\nsubjects: [{ ${subject} }]`,
  );
const policy = (spec: string) =>
  object('networking.k8s.io/v1', 'NetworkPolicy', `spec: { podSelector: {}, ${spec} }`);
const tenantPolicies = (mode: string) =>
  baseline(`networkPolicy: { defaultDeny: [Ingress], tenantPolicies: ${mode} }`);
const hash = 'a'.repeat(64);
const quota = baseline('resourceQuotas: [{ name: q, spec: { hard: { requests.cpu: "1" } } }]');
const limits = baseline(
  'limitRanges: [{ name: l, spec: { limits: [{ type: Container, min: { cpu: 10m }, max: { cpu: "1" } }] } }]',
);

interface Example {
  readonly given: string;
  /** Breaks the rule. */
  readonly bad: readonly string[];
  /** Does not, though it is near. */
  readonly good: readonly string[];
}

/** Pod Security is held against the API server as well, in test/integration/cli. */
const examples: Readonly<Record<string, Example>> = {
  SB101: {
    given: enforceBaseline,
    bad: [pod('hostNetwork: true'), pod('hostPID: true'), deployment(1, 'hostIPC: true')],
    good: [pod('hostNetwork: false')],
  },
  SB102: {
    given: enforceBaseline,
    bad: [pod(secured('privileged: true'))],
    good: [pod(secured('privileged: false'))],
  },
  SB103: {
    given: enforceBaseline,
    bad: [pod(secured('capabilities: { add: [NET_RAW] }'))],
    good: [pod(secured('capabilities: { add: [CHOWN] }')), pod(app('command: [x]'))],
  },
  SB104: {
    given: enforceRestricted,
    bad: [pod('volumes: [{ name: a, hostPath: { path: / } }]'), pod('volumes: [{ name: a, nfs: {} }]')],
    good: [pod('volumes: [{ name: a }, { name: b, emptyDir: {} }]')],
  },
  SB105: {
    given: enforceBaseline,
    bad: [pod(app('ports: [{ containerPort: 1, hostPort: 1 }]'))],
    good: [pod(app('ports: [{ containerPort: 1, hostPort: 0 }]'))],
  },
  SB106: {
    given: enforceBaseline,
    bad: [pod(app('livenessProbe: { httpGet: { host: 192.0.2.1, port: 1 } }'))],
    good: [pod(app('livenessProbe: { httpGet: { host: "", port: 1 } }'))],
  },
  SB107: {
    given: enforceBaseline,
    bad: [pod('securityContext: { appArmorProfile: { type: Unconfined } }')],
    good: [pod('securityContext: { appArmorProfile: { type: RuntimeDefault } }')],
  },
  SB108: {
    given: enforceBaseline,
    bad: [
      pod('securityContext: { seLinuxOptions: { user: x } }'),
      pod(secured('seLinuxOptions: { type: spc_t }')),
    ],
    good: [pod('securityContext: { seLinuxOptions: { type: container_t } }')],
  },
  SB109: {
    given: enforceBaseline,
    bad: [pod(secured('procMount: Unmasked'))],
    good: [pod(`hostUsers: false, ${secured('procMount: Unmasked')}`)],
  },
  SB110: {
    given: enforceRestricted,
    bad: [
      pod(app('command: [x]')),
      pod(`securityContext: { seccompProfile: { type: Unconfined } }, ${app('command: [x]')}`),
    ],
    good: [pod(`securityContext: { seccompProfile: { type: RuntimeDefault } }, ${app('command: [x]')}`)],
  },
  SB111: {
    given: enforceBaseline,
    bad: [pod('securityContext: { sysctls: [{ name: kernel.msgmax, value: "1" }] }')],
    good: [pod('securityContext: { sysctls: [{ name: net.ipv4.tcp_syncookies, value: "1" }] }')],
  },
  SB112: {
    given: enforceBaseline,
    bad: [pod('securityContext: { windowsOptions: { hostProcess: true } }')],
    good: [pod('securityContext: { windowsOptions: { hostProcess: false } }')],
  },
  SB113: {
    given: enforceRestricted,
    bad: [pod(app('command: [x]')), pod(secured('allowPrivilegeEscalation: true'))],
    good: [pod(secured('allowPrivilegeEscalation: false'))],
  },
  SB114: {
    given: enforceRestricted,
    bad: [
      pod(app('command: [x]')),
      pod(`securityContext: { runAsNonRoot: true }, ${secured('runAsNonRoot: false')}`),
    ],
    good: [
      pod(`securityContext: { runAsNonRoot: true }, ${app('command: [x]')}`),
      pod(`hostUsers: false, ${app('command: [x]')}`),
    ],
  },
  SB115: {
    given: enforceRestricted,
    bad: [pod(secured('runAsUser: 0'))],
    good: [pod(secured('runAsUser: 1'))],
  },
  SB201: {
    given: images('registries: [registry.example.com/, docker.io/library/nginx]'),
    bad: [
      pod('containers: [{ name: a, image: redis }]'),
      pod('initContainers: [{ name: a, image: registry.example.com.evil.io/x }]'),
      pod('volumes: [{ name: a, image: { reference: quay.io/a/b } }]'),
      pod('containers: [{ name: a, image: nginx-evil }]'),
    ],
    good: [pod('containers: [{ name: a, image: "nginx:1" }, { name: b, image: registry.example.com/x/y }]')],
  },
  SB202: {
    given: images('requireDigest: true'),
    bad: [
      pod('containers: [{ name: a, image: "nginx:1" }]'),
      pod('containers: [{ name: a, image: "nginx@sha256:abc" }]'),
    ],
    good: [pod(`containers: [{ name: a, image: "nginx:1@sha256:${hash}" }]`)],
  },
  SB203: {
    given: images('forbidTags: [latest]'),
    bad: [
      pod('containers: [{ name: a, image: nginx }]'),
      pod(`containers: [{ name: a, image: "nginx:latest@sha256:${hash}" }]`),
    ],
    good: [pod(`containers: [{ name: a, image: "nginx:1" }, { name: b, image: "nginx@sha256:${hash}" }]`)],
  },
  SB301: {
    given: exposure('forbid: [NodePort, LoadBalancer]'),
    bad: [
      object('v1', 'Service', 'spec: { type: NodePort }'),
      object('v1', 'Service', 'spec: { type: LoadBalancer }'),
    ],
    good: [object('v1', 'Service', 'spec: { ports: [{ port: 80 }] }')],
  },
  SB302: {
    given: exposure('forbid: [ExternalIPs]'),
    bad: [object('v1', 'Service', 'spec: { externalIPs: [192.0.2.1] }')],
    good: [object('v1', 'Service', 'spec: { externalIPs: [], type: NodePort }')],
  },
  SB303: {
    given: exposure('forbid: [HostPort]'),
    bad: [pod(app('ports: [{ containerPort: 1, hostPort: 1 }]'))],
    good: [pod(app('ports: [{ containerPort: 1 }]'))],
  },
  SB304: {
    given: exposure('forbid: [HostNetwork]'),
    bad: [pod('hostNetwork: true')],
    good: [pod('hostPID: true')],
  },
  SB305: {
    given: exposure('requireIngressTLS: true'),
    bad: [
      object('networking.k8s.io/v1', 'Ingress', 'spec: { rules: [{ host: a.example.com }] }'),
      object(
        'networking.k8s.io/v1',
        'Ingress',
        'spec: { rules: [{ host: a.example.com }], tls: [{ hosts: [b.example.com] }] }',
      ),
      object(
        'networking.k8s.io/v1',
        'Ingress',
        'spec: { defaultBackend: {}, tls: [{ hosts: [a.example.com] }] }',
      ),
    ],
    good: [
      object(
        'networking.k8s.io/v1',
        'Ingress',
        'spec: { rules: [{ host: a.example.com }], tls: [{ hosts: ["*.example.com"] }] }',
      ),
      object(
        'networking.k8s.io/v1',
        'Ingress',
        'spec: { rules: [{ host: a.example.com }], tls: [{ secretName: x }] }',
      ),
    ],
  },
  SB401: {
    given: workloads('forbidDefaultServiceAccount: true'),
    bad: [pod(app('command: [x]')), pod('serviceAccountName: default'), pod('serviceAccountName: ""')],
    good: [pod('serviceAccountName: app')],
  },
  SB402: {
    given: workloads('requireRequestsAndLimits: true'),
    bad: [
      pod(app('resources: { limits: { cpu: 1 } }')),
      pod(`${app('resources: { limits: { cpu: 1, memory: 1 } }')}, initContainers: [{ name: i }]`),
    ],
    good: [
      pod(app('resources: { limits: { cpu: 1, memory: 1Gi } }')),
      pod(`resources: { limits: { cpu: 1, memory: 1Gi } }, ${app('command: [x]')}`),
      pod(`${app('resources: { limits: { cpu: 1, memory: 1 } }')}, ephemeralContainers: [{ name: i }]`),
    ],
  },
  SB403: {
    given: workloads('forbidUnrequestedToken: true'),
    bad: [pod(app('command: [x]')), pod('serviceAccountName: app')],
    good: [
      pod('automountServiceAccountToken: true'),
      pod('automountServiceAccountToken: false'),
      `${pod('serviceAccountName: app')}${object('v1', 'ServiceAccount', 'automountServiceAccountToken: false', 'app')}`,
    ],
  },
  SB501: {
    given: quota,
    bad: [deployment(3, app('resources: { requests: { cpu: 400m } }'))],
    good: [deployment(2, app('resources: { requests: { cpu: 500m } }'))],
  },
  SB502: {
    given: quota,
    bad: [pod(app('resources: { requests: { memory: 1 } }'))],
    good: [pod(app('resources: { limits: { cpu: 1 } }'))],
  },
  SB503: {
    given: limits,
    bad: [pod(app('resources: { limits: { cpu: 2 } }')), pod(app('resources: { requests: { cpu: 1m } }'))],
    good: [
      pod(app('resources: { requests: { cpu: 10m }, limits: { cpu: 1000m } }')),
      pod(app('command: [x]')),
    ],
  },
  SB601: {
    given: '',
    bad: [pod(app('env: [{ name: DB_PASSWORD, value: hunter22 }]'))],
    good: [pod(app('env: [{ name: DB_PASSWORD, valueFrom: { secretKeyRef: { name: a, key: b } } }]'))],
  },
  SB602: {
    given: '',
    bad: [
      object('v1', 'ConfigMap', 'data: { password: hunter22 }'),
      object('v1', 'ConfigMap', 'data: { a.ini: "[db]\\npassword = hunter22\\n" }'),
    ],
    good: [
      object('v1', 'ConfigMap', 'data: { PASSWORD_FILE: /run/secrets/x }'),
      object('v1', 'Secret', 'stringData: { password: x }'),
    ],
  },
  SB701: {
    given: '',
    bad: [
      role('apiGroups: ["*"], resources: [pods], verbs: [get]'),
      role('apiGroups: [""], resources: ["*"], verbs: ["*"]'),
    ],
    good: [role('apiGroups: [""], resources: [pods], verbs: [get]')],
  },
  SB702: {
    given: '',
    bad: [role('apiGroups: [""], resources: [secrets], verbs: [get, list]')],
    good: [
      role('apiGroups: [""], resources: [secrets], verbs: [get]'),
      role('apiGroups: [""], resources: [secrets], verbs: [watch], resourceNames: [a]'),
      role('apiGroups: [example.com], resources: [secrets], verbs: [list]'),
    ],
  },
  SB703: {
    given: '',
    bad: [
      role('apiGroups: [rbac.authorization.k8s.io], resources: [roles], verbs: [bind]'),
      role('apiGroups: [""], resources: [users], verbs: [impersonate]'),
      role('apiGroups: [""], resources: [serviceaccounts/token], verbs: [create]'),
    ],
    good: [
      role(
        'apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [bind], resourceNames: [view]',
      ),
    ],
  },
  SB704: {
    given: '',
    bad: [
      role('apiGroups: [""], resources: [pods/exec], verbs: [create]'),
      role('apiGroups: [""], resources: ["*/ephemeralcontainers"], verbs: [patch]'),
    ],
    good: [role('apiGroups: [""], resources: [pods, pods/log], verbs: [create, get]')],
  },
  SB705: {
    given: '',
    bad: [binding('cluster-admin', 'kind: User, name: a')],
    good: [binding('view', 'kind: User, name: cluster-admin')],
  },
  SB706: {
    given: '',
    bad: [
      binding('view', 'kind: Group, name: "system:authenticated"'),
      binding('view', 'kind: User, name: "system:anonymous"'),
    ],
    good: [
      binding('view', 'kind: Group, name: "system:serviceaccounts:shop"'),
      binding('system:discovery', 'kind: Group, name: "system:authenticated"'),
    ],
  },
  SB801: {
    given: tenantPolicies('Forbid'),
    bad: [policy('policyTypes: [Ingress]'), object('cilium.io/v2', 'CiliumNetworkPolicy', 'spec: {}')],
    good: [object('v1', 'ConfigMap', 'data: {}')],
  },
  SB802: {
    given: tenantPolicies('Restrict'),
    bad: [
      policy('ingress: [{}]'),
      policy('ingress: [{ from: [{ namespaceSelector: {} }] }]'),
      policy('ingress: [{ from: [{ ipBlock: { cidr: 0.0.0.0/0 } }] }]'),
      object('projectcalico.org/v3', 'NetworkPolicy', 'spec: {}'),
    ],
    good: [
      policy('ingress: [{ from: [{ podSelector: {} }] }]'),
      policy(
        'ingress: [{ from: [{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: other } } }] }]',
      ),
      policy('policyTypes: [Egress], egress: [{}]'),
    ],
  },
  SB803: {
    given: tenantPolicies('Allow'),
    bad: [policy('ingress: [{}]'), policy('ingress: [{ from: [{ namespaceSelector: {} }] }]')],
    good: [
      policy('ingress: [{ from: [{ podSelector: {} }] }]'),
      policy('policyTypes: [Egress], egress: [{}]'),
    ],
  },
  SB901: {
    given: baseline('excludeNamespaces: [shop], podSecurity: { enforce: baseline }'),
    bad: [pod(app('command: [x]'))],
    good: [object('v1', 'ConfigMap', 'data: {}')],
  },
  SB902: {
    given: '',
    bad: [object('v1', 'ConfigMap', 'data: {}', 'a, annotations: { securitybaseline.io/ignore: SB602 }')],
    good: [
      object(
        'v1',
        'ConfigMap',
        'data: {}',
        'a, annotations: { securitybaseline.io/ignore: SB602=for a test }',
      ),
    ],
  },
};

describe('rules', () => {
  it('have an example each', () => {
    expect(Object.keys(examples)).toEqual(rules.map(({ id }) => id));
  });

  it('have ids and names that are theirs alone, and say what to do in a sentence', () => {
    expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
    expect(new Set(rules.map(({ name }) => name)).size).toBe(rules.length);
    for (const rule of rules) {
      expect(rule.id).toMatch(/^SB\d{3}$/);
      expect(rule.name).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(rule.fix).toMatch(/^[A-Z].*\.$|^Write /);
      expect(rule.link).toMatch(/^https:\/\//);
    }
  });

  it.each(Object.entries(examples))(
    '%s finds what breaks it, and nothing near',
    async (id, { given, bad, good }) => {
      for (const text of bad) expect(brokenRules(await checkText(given + text)), text).toContain(id);
      for (const text of good) expect(brokenRules(await checkText(given + text)), text).not.toContain(id);
    },
  );

  it.each(Object.entries(examples).filter(([, { given }]) => given !== ''))(
    '%s finds nothing where no baseline asks for it',
    async (id, { bad }) => {
      for (const text of bad) expect(brokenRules(await checkText(text)), text).not.toContain(id);
    },
  );

  it('say once what a NetworkPolicy opens that may not be there at all', async () => {
    for (const [mode, rule] of [
      ['Forbid', 'SB801'],
      ['Restrict', 'SB802'],
      ['Allow', 'SB803'],
    ] as const) {
      expect(brokenRules(await checkText(tenantPolicies(mode) + policy('ingress: [{}]')))).toEqual([rule]);
    }
  });

  it('restrict NetworkPolicies in a direction that another baseline denies', async () => {
    const openEgress = policy('policyTypes: [Egress], egress: [{}]');
    const other = baseline('networkPolicy: { defaultDeny: [Egress] }', 'other');
    expect(brokenRules(await checkText(tenantPolicies('Restrict') + openEgress))).toEqual([]);
    expect(brokenRules(await checkText(tenantPolicies('Restrict') + other + openEgress))).toEqual(['SB802']);
  });

  it('look into the templates of every workload', async () => {
    const spec = '{ hostNetwork: true }';
    const texts = {
      PodTemplate: object('v1', 'PodTemplate', `template: { spec: ${spec} }`),
      ReplicationController: object('v1', 'ReplicationController', `spec: { template: { spec: ${spec} } }`),
      ...Object.fromEntries(
        ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet'].map((kind) => [
          kind,
          object('apps/v1', kind, `spec: { template: { spec: ${spec} } }`),
        ]),
      ),
      Job: object('batch/v1', 'Job', `spec: { template: { spec: ${spec} } }`),
      CronJob: object(
        'batch/v1',
        'CronJob',
        `spec: { jobTemplate: { spec: { template: { spec: ${spec} } } } }`,
      ),
    };
    for (const [kind, text] of Object.entries(texts)) {
      expect(brokenRules(await checkText(enforceBaseline + text)), kind).toContain('SB101');
    }
    const foreign = object('example.com/v1', 'Deployment', `spec: { template: { spec: ${spec} } }`);
    expect(brokenRules(await checkText(enforceBaseline + foreign))).toEqual([]);
  });

  it('survive objects in which every field has the wrong type', async () => {
    const wrong = ['true', '1', '"text"', '[]', '[[]]', '[null]', '[{}]', '{}', '{ a: 1 }', 'null'];
    const all = Object.values(examples)
      .map(({ given }) => given)
      .filter((given, i, list) => given !== '' && list.indexOf(given) === i)
      .map((given, i) => given.replace('name: tenant', `name: tenant-${i}`))
      .join('');
    const kinds = [
      ['v1', 'Pod'],
      ['v1', 'Service'],
      ['v1', 'ConfigMap'],
      ['apps/v1', 'Deployment'],
      ['apps/v1', 'StatefulSet'],
      ['batch/v1', 'CronJob'],
      ['networking.k8s.io/v1', 'Ingress'],
      ['networking.k8s.io/v1', 'NetworkPolicy'],
      ['rbac.authorization.k8s.io/v1', 'Role'],
      ['rbac.authorization.k8s.io/v1', 'RoleBinding'],
    ] as const;
    const parts = [
      'containers',
      'volumes',
      'template',
      'jobTemplate',
      'securityContext',
      'replicas',
      'ingress',
      'rules',
      'tls',
      'ports',
    ];
    const texts = kinds.flatMap(([apiVersion, kind]) =>
      wrong.flatMap((value) => [
        object(
          apiVersion,
          kind,
          ['spec', 'data', 'rules', 'roleRef', 'subjects'].map((key) => `${key}: ${value}`).join('\n'),
        ),
        object(apiVersion, kind, `spec: { ${parts.map((key) => `${key}: ${value}`).join(', ')} }`),
        object(
          apiVersion,
          kind,
          `spec: { template: { spec: { containers: [${value}] } }, ingress: [{ from: ${value}, ports: ${value} }] }`,
        ),
      ]),
    );
    await expect(checkText(all + texts.join(''))).resolves.toBeDefined();
  });
});
