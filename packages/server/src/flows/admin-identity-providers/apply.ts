/** The section `providers` of the settings file, applied when a process starts. */
import type { AuditActor } from '#domain/audit/index.ts';
import {
  type CheckedProvider,
  changeProvider,
  checkProvider,
  type NewProvider,
  removeProvider,
} from '#domain/identity-providers/index.ts';
import { type AdminProviders, factsOf, insert, record, valuesOf } from './change.ts';

export type ApplyOutcome =
  | { readonly kind: 'applied' }
  /** One sentence for each provider that cannot be applied. Nothing was changed. */
  | { readonly kind: 'invalid'; readonly mistakes: readonly string[] };

const system: AuditActor = { kind: 'system' };

/**
 * Adds, changes and removes the providers that the file manages. What the file does not change stays as it is: a provider
 * that an operator disabled stays disabled. Idempotent: a second process that starts writes nothing.
 */
export async function applyProviders(flow: AdminProviders, entries: readonly NewProvider[]): Promise<ApplyOutcome> {
  const { identityProviders } = flow;
  const checks = entries.map((entry) => ({ id: entry.id, check: checkProvider(entry, flow) }));
  const invalid = checks.flatMap(({ id, check }) => (check.kind === 'invalid' ? [sentence(id, check.reason)] : []));
  const checked = checks.flatMap(({ check }) => (check.kind === 'ok' ? [check.provider] : []));
  const mistakes = [...invalid, ...checked.flatMap((provider) => conflictOf(flow, provider))];
  if (mistakes.length > 0) return { kind: 'invalid', mistakes };
  const listed = new Set(checked.map(({ id }) => id));
  const gone = identityProviders
    .all()
    .filter(({ id }) => identityProviders.managerOf(id) === 'settings' && !listed.has(id));
  for (const { id } of gone) await remove(flow, id);
  for (const provider of checked) await apply(flow, provider);
  await identityProviders.refresh();
  return { kind: 'applied' };
}

function sentence(id: string, reason: string): string {
  return `The provider "${id}" of the settings file cannot be applied: ${reason}`;
}

function conflictOf({ identityProviders }: AdminProviders, { id, preset, issuer }: CheckedProvider): readonly string[] {
  const known = identityProviders.byId(id);
  if (known === undefined) return [];
  if (identityProviders.managerOf(id) !== 'settings')
    return [sentence(id, `it was added on the command line. Run "latchkey provider remove ${id}" first.`)];
  if (known.preset === preset && known.issuer === issuer) return [];
  return [sentence(id, 'its preset or issuer has changed. Give the new one another name.')];
}

async function remove(flow: AdminProviders, id: string): Promise<void> {
  await flow.database.transaction(async (tx) => {
    const removed = await removeProvider(tx, id);
    if (removed) await record(flow, tx, { actor: system, action: 'provider.removed', facts: { providerId: id } });
  });
}

async function apply(flow: AdminProviders, provider: CheckedProvider): Promise<void> {
  const known = flow.identityProviders.byId(provider.id);
  if (known === undefined) {
    await flow.database.transaction((tx) => insert(flow, tx, { actor: system, provider, managedBy: 'settings' }));
    return;
  }
  const { name, settings, secret } = provider;
  const isSame =
    known.name === name &&
    JSON.stringify(known.settings) === JSON.stringify(settings) &&
    flow.identityProviders.secretOf(known) === secret;
  if (isSame) return;
  await flow.database.transaction(async (tx) => {
    const changed = await changeProvider(tx, valuesOf(flow, provider, 'settings'), flow.clock.now());
    const facts = factsOf(provider, 'settings');
    if (changed) await record(flow, tx, { actor: system, action: 'provider.changed', facts });
  });
}
