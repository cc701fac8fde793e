import type { AuditAction, AuditActor, AuditLog } from '#domain/audit/index.ts';
import {
  type CheckedProvider,
  checkProvider,
  type IdentityProviders,
  insertProvider,
  type NewProvider,
  type ProviderManager,
  type ProviderValues,
  removeProvider,
  setProviderEnabled,
} from '#domain/identity-providers/index.ts';
import type { Clock } from '#kernel/clock.ts';
import type { JsonObject, JsonValue } from '#kernel/json.ts';
import type { Database, Queries } from '#platform/database/index.ts';

export interface AdminProviders {
  readonly database: Database;
  readonly clock: Clock;
  readonly audit: AuditLog;
  readonly identityProviders: IdentityProviders;
  /** Forbids http. */
  readonly production: boolean;
}

export type AddOutcome =
  | { readonly kind: 'added'; readonly provider: CheckedProvider }
  | { readonly kind: 'invalid'; readonly reason: string }
  /** Another provider has the id or the issuer. */
  | { readonly kind: 'taken'; readonly issuer: string };

/** Stores a provider, enabled. */
export async function addProvider(flow: AdminProviders, actor: AuditActor, input: NewProvider): Promise<AddOutcome> {
  const checked = checkProvider(input, flow);
  if (checked.kind === 'invalid') return checked;
  const { provider } = checked;
  const added = await flow.database.transaction((tx) => insert(flow, tx, { actor, provider, managedBy: 'operator' }));
  await flow.identityProviders.refresh();
  return added ? { kind: 'added', provider } : { kind: 'taken', issuer: provider.issuer };
}

/** Inserts a checked provider with its event. Returns false when its id or issuer is taken. */
export async function insert(
  flow: AdminProviders,
  tx: Queries,
  { actor, provider, managedBy }: { actor: AuditActor; provider: CheckedProvider; managedBy: ProviderManager },
): Promise<boolean> {
  const isNew = await insertProvider(tx, valuesOf(flow, provider, managedBy), flow.clock.now());
  if (isNew) await record(flow, tx, { actor, action: 'provider.added', facts: factsOf(provider, managedBy) });
  return isNew;
}

/** The row of a checked provider. */
export function valuesOf(
  { identityProviders }: AdminProviders,
  { id, preset, name, issuer, settings, secret }: CheckedProvider,
  managedBy: ProviderManager,
): ProviderValues {
  const sealedSecret = secret === undefined ? null : identityProviders.sealSecret(id, secret);
  return { id, preset, name, issuer, settings: settings as unknown as JsonValue, sealedSecret, managedBy };
}

/** The facts of an event about a provider; never a secret. */
export function factsOf({ id, preset, issuer }: CheckedProvider, managedBy: ProviderManager) {
  return { providerId: id, preset, issuer, managedBy };
}

/** Enables or disables a provider. Returns false when there is none, or when it is so already. */
export async function setEnabled(
  flow: AdminProviders,
  actor: AuditActor,
  { id, enabled }: { readonly id: string; readonly enabled: boolean },
): Promise<boolean> {
  const isChanged = await flow.database.transaction(async (tx) => {
    const changed = await setProviderEnabled(tx, { id, enabled }, flow.clock.now());
    const action = enabled ? 'provider.enabled' : 'provider.disabled';
    if (changed) await record(flow, tx, { actor, action, facts: { providerId: id } });
    return changed;
  });
  await flow.identityProviders.refresh();
  return isChanged;
}

/** Removes a provider. Identities stay, and work again with a provider of the same issuer. */
export async function removeById(flow: AdminProviders, actor: AuditActor, id: string): Promise<boolean> {
  const isRemoved = await flow.database.transaction(async (tx) => {
    const removed = await removeProvider(tx, id);
    if (removed) await record(flow, tx, { actor, action: 'provider.removed', facts: { providerId: id } });
    return removed;
  });
  await flow.identityProviders.refresh();
  return isRemoved;
}

/** Writes the event of a change in its transaction. */
export async function record(
  { audit, clock }: AdminProviders,
  tx: Queries,
  event: { readonly actor: AuditActor; readonly action: AuditAction; readonly facts: JsonObject },
): Promise<void> {
  await audit.record(tx, { ...event, at: clock.now() });
}
