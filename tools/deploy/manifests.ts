/** The Kubernetes manifests of deploy/kubernetes: their sources, and what `kubectl kustomize` makes of them. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PodSpec } from 'kubernetes-types/core/v1.js';
import { parseAllDocuments } from 'yaml';
import { root } from '../steps.ts';

/** An object of the API. Members that only some kinds have are read by the rules for those kinds. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Labels;
    readonly annotations?: Labels;
  };
  readonly spec?: unknown;
  readonly data?: Labels;
}

export type Labels = Readonly<Record<string, string>>;

/** The template of the pods that an object makes. */
export interface PodTemplate {
  readonly owner: Manifest;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly spec: PodSpec;
}

export const installations = ['staging', 'production'] as const;
export type Installation = (typeof installations)[number];

const sourceDirectory = join(root, 'deploy/kubernetes');

/** @throws Error with the position of a syntax error or a repeated key. */
export function readManifests(text: string): Manifest[] {
  const documents = parseAllDocuments(text, { version: '1.1', uniqueKeys: true });
  return (Array.isArray(documents) ? documents : []).map((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    return document.toJS() as Manifest;
  });
}

/** The files that Kustomize reads, by their path below deploy/kubernetes. */
export function readSources(): Record<string, string> {
  const paths = readdirSync(sourceDirectory, { recursive: true, encoding: 'utf8' });
  const read = paths.filter((path) => /\.(?:ya?ml|env)$/.test(path)).toSorted();
  return Object.fromEntries(read.map((path) => [path, readFileSync(join(sourceDirectory, path), 'utf8')]));
}

/** Stands in the first line of a rendered file, so that a test without kubectl notices a changed source. */
export function digestOf(sources: Readonly<Record<string, string>>): string {
  const hash = createHash('sha256');
  for (const [path, text] of Object.entries(sources)) hash.update(`${path}\0${text}\0`);
  return hash.digest('hex');
}

/** The path of the committed result of `kubectl kustomize`. */
export function renderedPath(installation: Installation): string {
  return join(import.meta.dirname, 'rendered', `${installation}.yaml`);
}

/** The whole rendered file: its digest, then the output of Kustomize. */
export function renderedFile(output: string, digest: string): string {
  return `# sources: ${digest}\n# Written by "npm run prove deploy write" from deploy/kubernetes; do not edit.\n${output}`;
}

/** The templates of all pods, from every kind that makes them. */
export function podTemplates(manifests: readonly Manifest[]): PodTemplate[] {
  return manifests.flatMap((owner) => {
    const spec = owner.spec as {
      readonly template?: PodTemplateSource;
      readonly jobTemplate?: { readonly spec: { readonly template: PodTemplateSource } };
    };
    const template = owner.kind === 'CronJob' ? spec.jobTemplate?.spec.template : spec?.template;
    if (template === undefined) return [];
    const { labels = {}, annotations = {} } = template.metadata ?? {};
    return [{ owner, labels, annotations, spec: template.spec }];
  });
}

interface PodTemplateSource {
  readonly metadata?: { readonly labels?: Labels; readonly annotations?: Labels };
  readonly spec: PodSpec;
}

/** Whether a selector chooses what has these labels. */
export function selects(selector: Labels, labels: Labels): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value);
}

export function nameOf({ kind, metadata }: Manifest): string {
  return `${kind}/${metadata.name}`;
}
