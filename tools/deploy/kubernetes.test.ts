import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { installationFaults } from './installation-rules.ts';
import { digestOf, installations, readManifests, readSources, renderedPath } from './manifests.ts';
import { planted } from './planted-fault.ts';

const rendered = (installation: (typeof installations)[number]) => readFileSync(renderedPath(installation), 'utf8');

describe.each(installations)('the installation %s', (installation) => {
  const manifests = readManifests(rendered(installation));

  it('was built by Kustomize from these sources', () => {
    expect(rendered(installation)).toMatch(new RegExp(`^# sources: ${digestOf(readSources())}\n`));
  });

  it('has every object and breaks no rule', () => {
    const kinds = [...new Set(manifests.map(({ kind }) => kind))].toSorted();
    expect(kinds.join(' ')).toBe(
      'ConfigMap CronJob Deployment HorizontalPodAutoscaler Ingress Job Namespace NetworkPolicy PodDisruptionBudget Service',
    );
    expect(installationFaults(manifests)).toEqual([]);
  });
});

it.each(Object.keys(readSources()))('a change of %s without building it again is noticed', (path) => {
  const sources = readSources();
  expect(digestOf({ ...sources, [path]: `${sources[path]}# changed\n` })).not.toBe(digestOf(sources));
});

it('a repeated key is a syntax error', () => {
  expect(() => readManifests('kind: Job\nkind: Pod\n')).toThrow(/unique/);
});

const pod = 'spec template spec';
const container = `${pod} containers 0`;
const instance = 'app.kubernetes.io/instance';

/** A kind, the beginning of a name, a path, its faulty value, and a part of the sentence that names the fault. */
type Case = readonly [kind: string, name: string, path: string, value: unknown, sentence: string];

const podCases: readonly Case[] = [
  ['Deployment', 'latchkey-blue', `${pod} enableServiceLinks`, undefined, 'variables of Services'],
  ['Deployment', 'latchkey-blue', `${pod} automountServiceAccountToken`, undefined, 'token of the service account'],
  ['Deployment', 'latchkey-green', `${pod} securityContext runAsNonRoot`, undefined, 'may run as root'],
  ['Deployment', 'latchkey-blue', `${pod} securityContext fsGroup`, undefined, 'group of the secret files'],
  ['Deployment', 'latchkey-blue', `${pod} securityContext seccompProfile`, undefined, 'no seccomp profile'],
  ['Deployment', 'latchkey-blue', `${pod} volumes 0 secret defaultMode`, undefined, 'can read its secrets'],
  ['Deployment', 'latchkey-blue', `${pod} hostNetwork`, true, 'namespaces of the machine'],
  ['Deployment', 'latchkey-blue', `${pod} volumes 1`, { name: 'data', hostPath: { path: '/' } }, 'directory of the'],
  ['Deployment', 'latchkey-blue', `${container} securityContext readOnlyRootFilesystem`, false, 'write to its image'],
  ['Job', 'latchkey-migration-blue', `${container} securityContext allowPrivilegeEscalation`, true, 'gain privileges'],
  ['Job', 'latchkey-migration-blue', `${container} securityContext capabilities`, undefined, 'keeps capabilities'],
  ['Deployment', 'latchkey-blue', `${container} resources requests cpu`, undefined, 'requests no CPU'],
  ['Deployment', 'latchkey-blue', `${container} resources limits memory`, undefined, 'no limit of CPU'],
  ['Deployment', 'latchkey-blue', `${container} image`, 'latchkey:latest', 'is not pinned'],
  ['Job', 'latchkey-migration-blue', `${container} env 0 value`, 'postgres://a:b@c/d', 'secret in its environment'],
  ['Deployment', 'latchkey-blue', `${container} startupProbe`, undefined, 'no startup probe'],
  ['Deployment', 'latchkey-blue', `${container} livenessProbe httpGet port`, 'http', 'no liveness probe'],
  ['Deployment', 'latchkey-blue', `${container} readinessProbe httpGet path`, '/livez', 'no readiness probe'],
];

const backend = 'spec rules 0 http paths 0 backend service name';
const settings = 'latchkey-settings-blue';
const selector = 'spec selector matchLabels';

const otherCases: readonly Case[] = [
  ['ConfigMap', settings, 'kind', 'Secret', 'secrets do not belong'],
  ['ConfigMap', settings, 'data LATCHKEY_KEK', 'x', 'LATCHKEY_KEK must be a reference'],
  ['ConfigMap', settings, 'data OTHER', 'redis://:p@h/0', 'OTHER must be a reference'],
  ['ConfigMap', settings, 'metadata name', 'latchkey-settings', 'no ConfigMap with a hash'],
  ['Deployment', 'latchkey-blue', `${pod} terminationGracePeriodSeconds`, 49, 'killed before'],
  ['ConfigMap', settings, 'data LATCHKEY_SHUTDOWN_DELAY_SECONDS', '4', 'closes before its readiness'],
  ['HorizontalPodAutoscaler', 'latchkey-blue', 'spec scaleTargetRef name', 'latchkey', 'has 0 autoscalers'],
  ['PodDisruptionBudget', 'latchkey-blue', `${selector} x`, 'y', 'has 0 disruption budgets'],
  ['Deployment', 'latchkey-blue', 'spec replicas', 2, 'the number that the autoscaler owns'],
  ['Deployment', 'latchkey-blue', 'spec strategy rollingUpdate maxUnavailable', 1, 'fewer pods while'],
  ['Service', 'latchkey', `spec selector ${instance}`, undefined, 'leads to the pods of Deployment'],
  ['Service', 'latchkey', 'spec selector x', 'y', 'leads to the pods of nothing'],
  ['Service', 'latchkey-blue', 'spec ports 0 targetPort', 'operator', "publishes the operator's listener"],
  ['NetworkPolicy', 'latchkey', 'spec podSelector matchLabels x', 'y', 'no NetworkPolicy covers'],
  ['NetworkPolicy', 'latchkey', 'spec policyTypes', ['Ingress'], 'no NetworkPolicy covers'],
  ['NetworkPolicy', 'latchkey', 'spec ingress 0 from', undefined, 'admits every pod'],
  ['NetworkPolicy', 'latchkey', 'spec ingress 0 ports', [{ port: 5625 }, { port: 5626 }], 'admits the same pods'],
  ['Ingress', 'latchkey', 'spec tls', undefined, 'serves a host without TLS'],
  ['Ingress', 'latchkey', 'spec rules 0 host', 'example.com', 'is not that of LATCHKEY_PUBLIC_URL'],
  ['Ingress', 'latchkey', backend, 'latchkey-blue', 'past the switch'],
  ['CronJob', 'latchkey-doctor-green', `metadata labels ${instance}`, undefined, 'different objects'],
  ['Service', 'latchkey', `metadata labels ${instance}`, 'blue', 'would switch to it'],
  ['CronJob', 'latchkey-doctor-blue', 'spec concurrencyPolicy', undefined, 'may run twice'],
  ['CronJob', 'latchkey-doctor-blue', 'spec jobTemplate spec activeDeadlineSeconds', undefined, 'has no deadline'],
];

it.each([...podCases, ...otherCases])('a fault in %s %s is named: %s (%#)', (kind, name, path, value, sentence) => {
  expect(installationFaults(planted(kind, name, path, value)).join('\n')).toContain(sentence);
});
