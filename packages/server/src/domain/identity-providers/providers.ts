/** The providers of this deployment, as this process last read them. */
import type { Clock } from '#kernel/clock.ts';
import { ReloadOnMiss } from '#kernel/reload-on-miss.ts';
import type { Database, Queries, Values } from '#platform/database/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import { isPresetName, type Preset, presets } from './presets.ts';
import type { IdentityProvider, ProviderList } from './provider.ts';
import { listProviders, lockProvider, type ProviderManager } from './rows.ts';
import { type ProviderSettings, providerSettings } from './settings.ts';

/** How often each process reads the providers again. */
export const providersRefreshSeconds = 30;

interface ProviderDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Keys;
}

/** A provider with the facts that only administration needs. */
export interface StoredProvider {
  readonly provider: IdentityProvider;
  readonly managedBy: ProviderManager;
  readonly sealedSecret: Buffer | null;
}

export class IdentityProviders implements ProviderList {
  readonly #deps: ProviderDeps;
  readonly #onMiss: ReloadOnMiss;
  #byId: ReadonlyMap<string, StoredProvider> = new Map();

  constructor(deps: ProviderDeps) {
    this.#deps = deps;
    this.#onMiss = new ReloadOnMiss({ clock: deps.clock, reload: () => this.refresh() });
  }

  async refresh(): Promise<void> {
    const rows = await this.#deps.database.rows(listProviders, {});
    this.#byId = new Map(rows.flatMap(readRow).map((stored) => [stored.provider.id, stored]));
  }

  all(): readonly IdentityProvider[] {
    return [...this.#byId.values()].map(({ provider }) => provider);
  }

  enabled(): readonly IdentityProvider[] {
    return this.all().filter(({ enabled }) => enabled);
  }

  byId(id: string): IdentityProvider | undefined {
    return this.#byId.get(id)?.provider;
  }

  findEnabled(id: string): Promise<IdentityProvider | undefined> {
    return this.#onMiss.find(id, (known) => {
      const provider = this.byId(known);
      return provider?.enabled === true ? provider : undefined;
    });
  }

  /** The provider that asserts identities of this issuer; its name is that of the identity. */
  byIssuer(issuer: string): IdentityProvider | undefined {
    return this.all().find((provider) => provider.issuer === issuer);
  }

  /** The name of the provider of an issuer; its host after the provider was removed. */
  nameOf(issuer: string): string {
    const host = () => (URL.canParse(issuer) && new URL(issuer).host) || issuer;
    return this.byIssuer(issuer)?.name ?? host();
  }

  managerOf(id: string): ProviderManager | undefined {
    return this.#byId.get(id)?.managedBy;
  }

  /** The client secret, decrypted; undefined for a public client. */
  secretOf({ id }: Pick<IdentityProvider, 'id'>): string | undefined {
    return this.openSecret(id, this.#byId.get(id)?.sealedSecret ?? null);
  }

  /** Decrypts the client secret of a row. */
  openSecret(id: string, sealed: Buffer | null): string | undefined {
    return sealed === null ? undefined : this.#deps.keys.open('provider', sealed, secretCell(id)).toString();
  }

  /** Reads a provider in the transaction that changes it, so that of concurrent changes each keeps what it does not name. */
  async lock(tx: Queries, id: string): Promise<StoredProvider | undefined> {
    const row = await tx.row(lockProvider, { id });
    return row && readRow(row)[0];
  }

  /** Encrypts the client secret of a provider for its row. */
  sealSecret(id: string, secret: string): Buffer {
    return this.#deps.keys.seal('provider', secret, secretCell(id));
  }
}

function secretCell(id: string) {
  return { table: 'identity_providers', column: 'sealed_secret', row: id } as const;
}

/** Rows that this release does not understand are left out: a newer one may have written them. */
function readRow(row: Values<typeof listProviders.columns>): readonly StoredProvider[] {
  const settings = providerSettings.safeParse(row.settings);
  if (!isPresetName(row.preset) || !settings.success) return [];
  const { id, name, issuer, preset, enabled, sealedSecret } = row;
  const provider = { ...describeProvider(presets[preset], settings.data), id, name, issuer, preset, enabled };
  return [{ provider, sealedSecret, managedBy: row.managedBy === 'settings' ? 'settings' : 'operator' }];
}

/** The members of a provider that follow from its preset and its settings. */
export function describeProvider(preset: Preset, settings: ProviderSettings) {
  return {
    kind: preset.kind,
    responseMode: settings.responseMode ?? preset.responseMode,
    settings,
    acceptsNativeTokens: preset.nativeNonce !== undefined && settings.nativeClientIds.length > 0,
  };
}
