/**
 * Replaces references to secrets by the secrets, before the values are validated. A reference in an environment variable, in
 * `.env` and in the settings file counts; the content of a file and the secret of a store are never references.
 */
import { resolve } from 'node:path';
import type { SecretReference, StoredReference } from '#protocol/secret-reference/index.ts';
import { checkValues } from './check.ts';
import type { Gathered, SecretFile } from './gather.ts';
import { isOfStore, isSecret, referenceIn, secretsOf } from './secret-holders.ts';
import type { Given, Sources } from './sources.ts';
import { completeAccess, type StoreAccess } from './store-access.ts';

interface Resolved extends Pick<Gathered, 'given' | 'secretFiles' | 'providers'> {
  /** Keys of the settings whose secret is not known. */
  readonly invalid: readonly string[];
  readonly mistakes: readonly string[];
  /** One sentence for each secret whose store is down for the moment. */
  readonly unavailable: readonly string[];
}

/** A value that refers to a secret. `key` is that of the setting, or undefined for a provider's secret. */
interface Holder extends Given {
  readonly key: string | undefined;
}

const storeNames: Readonly<Record<StoredReference['kind'], string>> = {
  vault: 'Vault',
  'aws-sm': 'AWS Secrets Manager',
  'gcp-sm': 'Google Secret Manager',
};

export async function resolveReferences(gathered: Gathered, sources: Sources): Promise<Resolved> {
  const holders = [
    ...[...gathered.given].filter(([key]) => isSecret(key)).map(([key, given]) => ({ ...given, key })),
    ...secretsOf(gathered.providers).map((given) => ({ ...given, key: undefined })),
  ].filter((holder) => referenceIn(holder) !== undefined);
  if (holders.length === 0) return { ...gathered, invalid: [], mistakes: [], unavailable: [] };
  const resolution = new Resolution(gathered, sources);
  for (const holder of holders) resolution.readLocal(holder);
  await resolution.readStored();
  return resolution.result();
}

interface Stored {
  readonly holder: Holder;
  readonly reference: StoredReference;
}

class Resolution {
  readonly #gathered: Gathered;
  readonly #sources: Sources;
  readonly #given: Map<string, Given>;
  readonly #secrets = new Map<string, string>();
  readonly #secretFiles: SecretFile[];
  readonly #invalid: string[] = [];
  readonly #mistakes: string[] = [];
  readonly #unavailable: string[] = [];
  readonly #stored: Stored[] = [];

  constructor(gathered: Gathered, sources: Sources) {
    this.#gathered = gathered;
    this.#sources = sources;
    this.#given = new Map(gathered.given);
    this.#secretFiles = [...gathered.secretFiles];
  }

  /** Reads a file or a variable, and remembers a secret of a store. */
  readLocal(holder: Holder): void {
    const parsed = referenceIn(holder);
    if (parsed?.kind === 'invalid') this.#refuse(holder, `is not a valid reference: ${parsed.reason}`);
    if (parsed?.kind !== 'ok') return;
    const { value: reference } = parsed;
    if (reference.kind === 'file') this.#readFile(holder, reference);
    else if (reference.kind === 'env') this.#readVariable(holder, reference);
    else if (holder.key !== undefined && isOfStore(holder.key))
      this.#refuse(holder, 'must not refer to a secret store, because it is needed to reach one');
    else this.#stored.push({ holder, reference });
  }

  /** The settings of the stores are known when all files and variables are read. */
  async readStored(): Promise<void> {
    if (this.#stored.length === 0) return;
    const { stores } = this.#sources;
    const access = this.#access();
    if (access === undefined || stores === undefined) {
      for (const { holder, reference } of this.#stored) this.#giveUp(holder, reference, access === undefined);
      return;
    }
    const outcomes = await stores(
      this.#stored.map(({ reference }) => reference),
      access,
    );
    for (const [index, { holder, reference }] of this.#stored.entries()) {
      const outcome = outcomes[index];
      if (outcome?.kind === 'secret') this.#accept(holder, outcome.text);
      else this.#fail(holder, `cannot be read from ${storeNames[reference.kind]}: ${outcome?.reason}`, outcome);
    }
  }

  result(): Resolved {
    const providers = this.#gathered.providers?.map((entry) => {
      const secret = this.#secrets.get(secretsOf([entry])[0]?.name ?? '');
      return secret === undefined ? entry : { ...entry, secret };
    });
    return {
      given: this.#given,
      secretFiles: this.#secretFiles,
      providers,
      invalid: this.#invalid,
      mistakes: this.#mistakes,
      unavailable: this.#unavailable,
    };
  }

  #readFile(holder: Holder, { path: written }: Extract<SecretReference, { kind: 'file' }>): void {
    const path = resolve(this.#sources.cwd, written);
    const content = this.#sources.files(path);
    if (content.kind === 'text') {
      this.#secretFiles.push({ name: holder.name, path });
      this.#accept(holder, content.text);
    } else {
      const why = content.kind === 'absent' ? 'does not exist' : `cannot be read (${content.reason})`;
      this.#refuse(holder, `refers to the file ${written}, which ${why}`);
    }
  }

  #readVariable(holder: Holder, { name }: Extract<SecretReference, { kind: 'env' }>): void {
    const variable = this.#gathered.variables.get(name);
    if (variable === undefined) this.#refuse(holder, `refers to the variable ${name}, which is not set`);
    else this.#accept(holder, variable.value);
  }

  /** Undefined when a setting of a store is malformed. */
  #access(): StoreAccess | undefined {
    const ofStores = new Map([...this.#given].filter(([key]) => isOfStore(key)));
    const { settings, invalid } = checkValues(ofStores);
    const isKnown = invalid.length === 0 && ![...this.#gathered.invalid, ...this.#invalid].some(isOfStore);
    const { access, mistake } = completeAccess(settings.secretStores, this.#sources);
    if (mistake !== undefined) this.#mistakes.push(mistake);
    return isKnown && mistake === undefined ? access : undefined;
  }

  /** The mistake is that of the store's settings, where there is one. */
  #giveUp(holder: Holder, { kind }: StoredReference, isReported: boolean): void {
    if (isReported) this.#forget(holder);
    else this.#refuse(holder, `refers to ${storeNames[kind]}, which cannot be used here`);
  }

  #accept(holder: Holder, text: string): void {
    // Editors and "echo" append a line break that is not part of the secret.
    const secret = text.replace(/\r?\n$/, '');
    if (secret === '') this.#refuse(holder, 'refers to an empty secret');
    else if (holder.key === undefined) this.#secrets.set(holder.name, secret);
    else this.#given.set(holder.key, { value: secret, name: `The secret that ${holder.name} refers to` });
  }

  #refuse(holder: Holder, what: string): void {
    this.#fail(holder, what, undefined);
  }

  #fail(holder: Holder, what: string, outcome: { readonly isTransient: boolean } | undefined): void {
    const sentences = outcome?.isTransient === true ? this.#unavailable : this.#mistakes;
    sentences.push(`${holder.name} ${what}.`);
    this.#forget(holder);
  }

  #forget({ key }: Holder): void {
    if (key === undefined) return;
    this.#given.delete(key);
    this.#invalid.push(key);
  }
}
