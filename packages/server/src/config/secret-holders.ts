/** Finds the secrets among the settings and the providers of the settings file, and those that are references. */
import { parseSecretReference } from '#protocol/secret-reference/index.ts';
import type { ProviderEntry } from './provider-entries.ts';
import { settings } from './schema.ts';
import type { Given } from './sources.ts';

const group = 'secretStores.';

/** Whether a setting says how a store is reached. */
export function isOfStore(key: string): boolean {
  return key.startsWith(group);
}

/** `vault` of `secretStores.vault.token`. */
export function storeOf(key: string): string {
  return key.slice(group.length).split('.')[0] ?? '';
}

const secretKeys = new Set(settings.filter(({ secret }) => secret).map(({ key }) => key));

export function isSecret(key: string): boolean {
  return secretKeys.has(key);
}

const storeByKind: Readonly<Record<string, string>> = { vault: 'vault', 'aws-sm': 'aws', 'gcp-sm': 'gcp' };

/** The stores of the secrets that these texts refer to. */
export function storesReferredTo(texts: readonly Given[]): ReadonlySet<string> {
  const references = texts.map(referenceIn).filter((reference) => reference?.kind === 'ok');
  return new Set(references.flatMap(({ value }) => storeByKind[value.kind] ?? []));
}

/** Undefined: the value is the secret itself. */
export function referenceIn({ value, isContent }: Given) {
  return typeof value === 'string' && isContent !== true ? parseSecretReference(value) : undefined;
}

/** The client secrets of the settings file, by how messages name them. */
export function secretsOf(providers: readonly ProviderEntry[] | undefined): Given[] {
  return (providers ?? []).map(({ id, secret, isContent }) => ({
    value: secret,
    name: `clientSecret of the provider "${id}"`,
    ...(isContent && { isContent }),
  }));
}
