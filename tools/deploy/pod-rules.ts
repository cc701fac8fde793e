/** Rules that every pod of the manifests keeps, beyond what the types of the API require. */
import type { Container, PodSpec, Probe } from 'kubernetes-types/core/v1.js';
import { nameOf, type PodTemplate } from './manifests.ts';

/** The user of the image. */
const user = 65_532;
const operatorPort = 5626;

type Rule = readonly [sentence: string, breaks: boolean];

/** One sentence for each broken rule. */
export function podFaults({ owner, spec, labels }: PodTemplate): string[] {
  const isServer = labels['app.kubernetes.io/component'] === 'server';
  const rules = [
    ...podRules(spec),
    ...spec.containers.flatMap((container) => containerRules(container)),
    ...(isServer ? spec.containers.flatMap((container) => probeRules(container)) : []),
  ];
  return rules.filter(([, breaks]) => breaks).map(([sentence]) => `${nameOf(owner)}: ${sentence}`);
}

function podRules(spec: PodSpec): Rule[] {
  const { securityContext: context = {}, volumes = [] } = spec;
  const modes = volumes.flatMap(({ secret }) => (secret === undefined ? [] : [secret.defaultMode ?? 0o644]));
  return [
    ['variables of Services would be refused as unknown settings', spec.enableServiceLinks !== false],
    ['the token of the service account is mounted', spec.automountServiceAccountToken !== false],
    ['may run as root', context.runAsNonRoot !== true || context.runAsUser !== user],
    ['the group of the secret files is not that of the user', context.fsGroup !== user],
    ['has no seccomp profile', context.seccompProfile?.type !== 'RuntimeDefault'],
    ['every user of the pod can read its secrets', modes.some((mode) => (mode & 0o7) !== 0)],
    ['uses namespaces of the machine', spec.hostNetwork === true || spec.hostPID === true || spec.hostIPC === true],
    ['mounts a directory of the machine', volumes.some(({ hostPath }) => hostPath !== undefined)],
  ];
}

function containerRules({
  name,
  image = '',
  securityContext: context = {},
  resources = {},
  env = [],
}: Container): Rule[] {
  const { requests = {}, limits = {} } = resources;
  return [
    [`${name} can write to its image`, context.readOnlyRootFilesystem !== true],
    [`${name} can gain privileges`, context.allowPrivilegeEscalation !== false || context.privileged === true],
    [`${name} keeps capabilities`, context.capabilities?.drop?.includes('ALL') !== true],
    [`${name} requests no CPU or memory`, requests.cpu === undefined || requests.memory === undefined],
    [`${name} has no limit of CPU or memory`, limits.cpu === undefined || limits.memory === undefined],
    [`the image of ${name} is not pinned`, !/@sha256:[0-9a-f]{64}$|:\d+\.\d+\.\d+$/.test(image)],
    [`${name} has a secret in its environment`, env.some(({ value = '' }) => isSecretValue(value))],
  ];
}

/** A value with a login, or one that looks like a key. References and plain settings are neither. */
export function isSecretValue(value: string): boolean {
  return /:\/\/[^/@\s]*:[^/@\s]+@/.test(value) || /^[A-Za-z0-9+/]{43}=$/.test(value) || value.includes('PRIVATE KEY');
}

function probeRules(container: Container): Rule[] {
  const { name, startupProbe, livenessProbe, readinessProbe, ports = [] } = container;
  const port = ports.find(({ containerPort }) => containerPort === operatorPort)?.name;
  const asks = (probe: Probe | undefined, path: string) =>
    port !== undefined && probe?.httpGet?.port === port && probe.httpGet.path === path;
  return [
    [`${name} has no startup probe of /livez on the operator's port`, !asks(startupProbe, '/livez')],
    [`${name} has no liveness probe of /livez on the operator's port`, !asks(livenessProbe, '/livez')],
    [`${name} has no readiness probe of /readyz on the operator's port`, !asks(readinessProbe, '/readyz')],
  ];
}
