/** Faults in the manifests, for the tests of the rules. */
import { readFileSync } from 'node:fs';
import { type Manifest, readManifests, renderedPath } from './manifests.ts';

const production = readManifests(readFileSync(renderedPath('production'), 'utf8'));

/** Sets the member at a path, whose parts are separated by spaces; undefined removes it. */
function plant(manifest: Manifest, path: string, value: unknown): void {
  const names = path.split(' ');
  const last = names.pop() ?? '';
  let at: unknown = manifest;
  for (const name of names) at = (at as Record<string, unknown>)[name];
  if (typeof at !== 'object' || at === null) throw new Error(`there is no ${path}`);
  if (value === undefined) Reflect.deleteProperty(at, last);
  else Reflect.set(at, last, value);
}

/** The manifests of production with a fault in the first object of this kind whose name begins so. */
export function planted(kind: string, name: string, path: string, value: unknown): Manifest[] {
  const copies = structuredClone(production);
  const found = copies.find((manifest) => manifest.kind === kind && manifest.metadata.name.startsWith(name));
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
  plant(found, path, value);
  return copies;
}
