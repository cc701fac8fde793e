/** Rules between the objects of an installation: what selects what, what ends when, and what no object contains. */
import type { DeploymentSpec } from 'kubernetes-types/apps/v1.js';
import type { HorizontalPodAutoscalerSpec } from 'kubernetes-types/autoscaling/v2.js';
import type { CronJobSpec } from 'kubernetes-types/batch/v1.js';
import type { ServiceSpec } from 'kubernetes-types/core/v1.js';
import type { IngressSpec, NetworkPolicySpec } from 'kubernetes-types/networking/v1.js';
import type { PodDisruptionBudgetSpec } from 'kubernetes-types/policy/v1.js';
import { settings } from '../../packages/server/src/config/schema.ts';
import { type Manifest, nameOf, type PodTemplate, podTemplates, selects } from './manifests.ts';
import { isSecretValue, podFaults } from './pod-rules.ts';

/** The public port is 5625; this one requires no credentials. */
const operatorPort = 5626;
/** The server closes everything else within ten seconds after its drain. */
const closeSeconds = 10;
const reference = /^(?:file|env|vault|aws-sm|gcp-sm):/;

interface Installed {
  readonly manifests: readonly Manifest[];
  readonly pods: readonly PodTemplate[];
  readonly of: (kind: string) => readonly Manifest[];
}

/** One sentence for each broken rule. */
export function installationFaults(manifests: readonly Manifest[]): string[] {
  const pods = podTemplates(manifests);
  const of = (kind: string) => manifests.filter((manifest) => manifest.kind === kind);
  const installed: Installed = { manifests, pods, of };
  const rules = [
    secretFaults,
    settingFaults,
    stopFaults,
    scaleFaults,
    serviceFaults,
    networkFaults,
    ingressFaults,
    colorFaults,
    jobFaults,
  ];
  return [...pods.flatMap(podFaults), ...rules.flatMap((rule) => rule(installed))];
}

function secretFaults({ of }: Installed): string[] {
  const literal = of('Secret').map((manifest) => `${nameOf(manifest)}: secrets do not belong in a manifest`);
  const secrets = new Set(settings.filter(({ secret }) => secret).map(({ env }) => env));
  const inSettings = of('ConfigMap').flatMap((map) =>
    Object.entries(map.data ?? {})
      .filter(([name, value]) => (secrets.has(name) && !reference.test(value)) || isSecretValue(value))
      .map(([name]) => `${nameOf(map)}: ${name} must be a reference`),
  );
  return [...literal, ...inSettings];
}

/** Settings roll back with the release only when their name changes with their content. */
function settingFaults({ of, pods }: Installed): string[] {
  const maps = new Set(of('ConfigMap').map(({ metadata }) => metadata.name));
  return pods.flatMap(({ owner, spec }) =>
    spec.containers
      .map(({ envFrom = [] }) => envFrom[0]?.configMapRef?.name ?? '')
      .filter((name) => !maps.has(name) || !/-[a-z0-9]{10}$/.test(name))
      .map((name) => `${nameOf(owner)}: "${name}" is no ConfigMap with a hash of its content`),
  );
}

function stopFaults({ of, pods }: Installed): string[] {
  const servers = pods.filter(({ owner }) => owner.kind === 'Deployment');
  return servers.flatMap(({ owner, spec }) => {
    const container = spec.containers[0];
    const map = of('ConfigMap').find(({ metadata }) => metadata.name === container?.envFrom?.[0]?.configMapRef?.name);
    const delay = Number(map?.data?.LATCHKEY_SHUTDOWN_DELAY_SECONDS);
    const drain = Number(map?.data?.LATCHKEY_DRAIN_SECONDS);
    const { periodSeconds = 10, failureThreshold = 3 } = container?.readinessProbe ?? {};
    const faults: string[] = [];
    if (!((spec.terminationGracePeriodSeconds ?? 30) >= delay + drain + closeSeconds))
      faults.push('is killed before the shutdown delay and the drain are over');
    if (!(delay > periodSeconds * failureThreshold)) faults.push('closes before its readiness probe has failed');
    return faults.map((fault) => `${nameOf(owner)}: ${fault}`);
  });
}

function scaleFaults({ of }: Installed): string[] {
  return of('Deployment').flatMap((deployment) => {
    const spec = deployment.spec as DeploymentSpec;
    const labels = (spec.template.metadata?.labels ?? {}) as Record<string, string>;
    const scalers = of('HorizontalPodAutoscaler').filter(
      (scaler) => (scaler.spec as HorizontalPodAutoscalerSpec).scaleTargetRef.name === deployment.metadata.name,
    );
    const budgets = of('PodDisruptionBudget').filter((budget) =>
      selects((budget.spec as PodDisruptionBudgetSpec).selector?.matchLabels ?? {}, labels),
    );
    const faults: string[] = [];
    if (scalers.length !== 1) faults.push(`has ${scalers.length} autoscalers`);
    if (budgets.length !== 1) faults.push(`has ${budgets.length} disruption budgets`);
    if (spec.replicas !== undefined) faults.push('sets the number that the autoscaler owns');
    if (spec.strategy?.rollingUpdate?.maxUnavailable !== 0) faults.push('has fewer pods while it is updated');
    return faults.map((fault) => `${nameOf(deployment)}: ${fault}`);
  });
}

function serviceFaults({ of, pods }: Installed): string[] {
  return of('Service').flatMap((service) => {
    const { selector = {}, ports = [] } = service.spec as ServiceSpec;
    const chosen = pods.filter(({ labels }) => selects(selector, labels));
    const faults: string[] = [];
    if (chosen.length !== 1 || chosen[0]?.owner.kind !== 'Deployment')
      faults.push(`leads to the pods of ${chosen.map(({ owner }) => nameOf(owner)).join(', ') || 'nothing'}`);
    if (ports.some(({ targetPort }) => targetPort === 'operator' || targetPort === operatorPort))
      faults.push("publishes the operator's listener");
    return faults.map((fault) => `${nameOf(service)}: ${fault}`);
  });
}

function networkFaults({ of, pods }: Installed): string[] {
  const policies = of('NetworkPolicy').map(({ spec }) => spec as NetworkPolicySpec);
  const isCovered = ({ labels }: PodTemplate, type: string) =>
    policies.some(
      (policy) => selects(policy.podSelector?.matchLabels ?? {}, labels) && policy.policyTypes?.includes(type),
    );
  const open = pods
    .filter((pod) => !isCovered(pod, 'Ingress') || !isCovered(pod, 'Egress'))
    .map(({ owner }) => `${nameOf(owner)}: no NetworkPolicy covers its pods`);
  const entries = policies.flatMap(({ ingress = [] }) => ingress);
  const unbounded = entries.some(({ from = [], ports = [] }) => from.length === 0 || ports.length === 0);
  const monitors = entries.filter(({ ports = [] }) => ports.some(({ port }) => port === operatorPort));
  const isShared = monitors.some(({ ports = [] }) => ports.length > 1);
  const sentences = [
    ...(unbounded ? ['admits every pod, or every port'] : []),
    ...(isShared ? ["admits the same pods to the operator's listener as to the public one"] : []),
  ];
  return [...open, ...sentences.map((sentence) => `NetworkPolicy: ${sentence}`)];
}

function ingressFaults({ of }: Installed): string[] {
  const urls = of('ConfigMap').map(({ data }) => new URL(data?.LATCHKEY_PUBLIC_URL ?? 'http://missing').host);
  return of('Ingress').flatMap((ingress) => {
    const { rules = [], tls = [] } = ingress.spec as IngressSpec;
    const hosts = rules.map(({ host }) => host ?? '');
    const encrypted = tls.flatMap(({ hosts: names = [] }) => names);
    const faults: string[] = [];
    if (hosts.some((host) => !encrypted.includes(host))) faults.push('serves a host without TLS');
    if (hosts.some((host) => urls.some((url) => url !== host)))
      faults.push('its host is not that of LATCHKEY_PUBLIC_URL');
    const services = rules.flatMap(({ http }) => http?.paths.map(({ backend }) => backend.service?.name) ?? []);
    if (services.some((name) => name !== 'latchkey')) faults.push('leads to one color, past the switch');
    return faults.map((fault) => `${nameOf(ingress)}: ${fault}`);
  });
}

/** Applying one color must reach all of its objects, and none that belongs to the installation. */
function colorFaults({ manifests }: Installed): string[] {
  const kinds = (color: string) =>
    manifests
      .filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/instance'] === color)
      .map(({ kind, metadata }) => `${kind} ${metadata.labels?.['app.kubernetes.io/component']}`)
      .toSorted();
  const [blue, green] = [kinds('blue'), kinds('green')];
  const faults = blue.join() === green.join() && blue.length > 0 ? [] : ['blue and green have different objects'];
  const service = manifests.find(({ kind, metadata }) => kind === 'Service' && metadata.name === 'latchkey');
  if (service === undefined || service.metadata.labels?.['app.kubernetes.io/instance'] !== undefined)
    faults.push('Service/latchkey: applying a color would switch to it');
  return faults;
}

function jobFaults({ of }: Installed): string[] {
  const overlapping = of('CronJob').filter(({ spec }) => (spec as CronJobSpec).concurrencyPolicy !== 'Forbid');
  const bounded = (spec: unknown) =>
    (spec as { readonly activeDeadlineSeconds?: number }).activeDeadlineSeconds !== undefined;
  const endless = [
    ...of('Job').filter(({ spec }) => !bounded(spec)),
    ...of('CronJob').filter(({ spec }) => !bounded((spec as CronJobSpec).jobTemplate.spec)),
  ];
  return [
    ...overlapping.map((job) => `${nameOf(job)}: may run twice at a time`),
    ...endless.map((job) => `${nameOf(job)}: has no deadline`),
  ];
}
