/** Changes of a provider on the command line. What a change does not name stays. */
import { isDeepStrictEqual } from 'node:util';
import type { AuditActor } from '#domain/audit/index.ts';
import {
  type CheckedProvider,
  changeProvider,
  checkProvider,
  type NewProvider,
  type StoredProvider,
} from '#domain/identity-providers/index.ts';
import type { Queries } from '#platform/database/index.ts';
import { type AdminProviders, factsOf, record, valuesOf } from './change.ts';

export interface ProviderChange {
  readonly name: string | undefined;
  readonly secret: string | undefined;
  /** Members that are undefined return to the default. */
  readonly settings: Readonly<Record<string, unknown>>;
}

export type SetOutcome =
  | { readonly kind: 'changed' | 'unchanged'; readonly provider: CheckedProvider }
  | { readonly kind: 'invalid'; readonly reason: string }
  /** The settings file manages it. */
  | { readonly kind: 'managed' }
  | { readonly kind: 'unknown' };

/**
 * Changes name, secret and settings of a provider; the secret is encrypted anew. Preset and issuer stay, because they decide whose
 * identities its people have. The row is locked before it is merged: of two changes at once neither undoes the other.
 */
export async function setProvider(
  flow: AdminProviders,
  actor: AuditActor,
  id: string,
  change: ProviderChange,
): Promise<SetOutcome> {
  const outcome = await flow.database.transaction((tx) => set(flow, tx, { actor, id, change }));
  await flow.identityProviders.refresh();
  return outcome;
}

async function set(
  flow: AdminProviders,
  tx: Queries,
  { actor, id, change }: { readonly actor: AuditActor; readonly id: string; readonly change: ProviderChange },
): Promise<SetOutcome> {
  const stored = await flow.identityProviders.lock(tx, id);
  if (stored === undefined) return { kind: 'unknown' };
  if (stored.managedBy === 'settings') return { kind: 'managed' };
  const before = { name: stored.provider.name, settings: stored.provider.settings, secret: secretOf(flow, stored) };
  const check = checkProvider(merged(stored, before.secret, change), flow);
  if (check.kind === 'invalid') return check;
  const { provider } = check;
  const { issuer } = stored.provider;
  if (provider.issuer !== issuer)
    return { kind: 'invalid', reason: `The provider stays ${issuer}. For another one, add a second provider.` };
  const changed = (['name', 'settings', 'secret'] as const).filter(
    (part) => !isDeepStrictEqual(withoutUndefined(before[part]), withoutUndefined(provider[part])),
  );
  if (changed.length === 0) return { kind: 'unchanged', provider };
  await changeProvider(tx, valuesOf(flow, provider, 'operator'), flow.clock.now());
  const facts = { ...factsOf(provider, 'operator'), changed };
  await record(flow, tx, { actor, action: 'provider.changed', facts });
  return { kind: 'changed', provider };
}

function secretOf({ identityProviders }: AdminProviders, { provider, sealedSecret }: StoredProvider) {
  return identityProviders.openSecret(provider.id, sealedSecret);
}

function merged({ provider }: StoredProvider, secret: string | undefined, change: ProviderChange): NewProvider {
  const { id, preset, issuer, name, settings } = provider;
  // The other presets know their issuer, or compute it.
  const hasOwnIssuer = preset === 'oidc' || preset === 'gitlab';
  return {
    id,
    preset,
    name: change.name ?? name,
    issuer: hasOwnIssuer ? issuer : undefined,
    secret: change.secret ?? secret,
    settings: { ...settings, ...change.settings },
  };
}

/** As the row stores it, where a member that is undefined is absent. */
function withoutUndefined(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
