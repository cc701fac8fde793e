/**
 * Reads secrets from Vault, AWS Secrets Manager and Google Secret Manager, by plain HTTP and without their SDKs
 * (docs/adr/0049-secrets-by-reference.md). It owns no table.
 * Invariants: a request waits at most 3 s and all of them together 10 s; what fails for the moment is sent again within that
 * time; no outcome has anything of a secret, a credential or a response's body.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type Clock, systemClock } from '#kernel/clock.ts';
import { type AwsSecret, SecretsManager } from './aws.ts';
import type { AwsAccess } from './aws-credentials.ts';
import { StoreFailure } from './failure.ts';
import { type GcpAccess, type GcpSecret, SecretManager } from './gcp.ts';
import { type Send, send } from './send.ts';
import { Vault, type VaultAccess, type VaultSecret } from './vault.ts';

/** A secret in one of the stores. */
export type StoredSecret = VaultSecret | AwsSecret | GcpSecret;

/** How the stores are reached. */
export interface StoreAccess {
  readonly vault: VaultAccess;
  readonly aws: AwsAccess;
  readonly gcp: GcpAccess;
}

type StoreOutcome =
  | { readonly kind: 'secret'; readonly text: string }
  /** `reason` completes "NAME cannot be read from …: ". `isTransient`: the store may be down for the moment. */
  | { readonly kind: 'failed'; readonly reason: string; readonly isTransient: boolean };

interface StoreOptions {
  readonly clock?: Pick<Clock, 'now'>;
  /** Of one request; 3,000 by default. */
  readonly requestMs?: number;
  /** Of all requests together, with their repetitions; 10,000 by default. */
  readonly totalMs?: number;
}

const firstPauseMs = 200;

/** Returns an outcome for each secret, in their order. Never rejects for a failure of a store. */
export async function readSecrets(
  secrets: readonly StoredSecret[],
  access: StoreAccess,
  { clock = systemClock, requestMs = 3000, totalMs = 10_000 }: StoreOptions = {},
): Promise<readonly StoreOutcome[]> {
  const signal = AbortSignal.timeout(totalMs);
  const sendOne: Send = (request) => send(request, requestMs, signal);
  const readers = {
    vault: new Vault(access.vault, sendOne),
    'aws-sm': new SecretsManager(access.aws, sendOne, clock),
    'gcp-sm': new SecretManager(access.gcp, sendOne),
  };
  const read = (secret: StoredSecret): Promise<string> => {
    if (secret.kind === 'vault') return readers.vault.read(secret);
    return secret.kind === 'aws-sm' ? readers['aws-sm'].read(secret) : readers['gcp-sm'].read(secret);
  };
  return Promise.all(secrets.map((secret) => outcomeOf(() => read(secret), signal)));
}

async function outcomeOf(read: () => Promise<string>, signal: AbortSignal): Promise<StoreOutcome> {
  for (let pauseMs = firstPauseMs; ; pauseMs *= 2) {
    try {
      return { kind: 'secret', text: await read() };
    } catch (error) {
      if (!(error instanceof StoreFailure)) throw error;
      const { message: reason, isTransient } = error;
      const isLast = !isTransient || (await isAborted(signal, pauseMs));
      if (isLast) return { kind: 'failed', reason, isTransient };
    }
  }
}

/** Waits; returns whether the time of all requests is over. */
async function isAborted(signal: AbortSignal, pauseMs: number): Promise<boolean> {
  await pause(pauseMs, undefined, { signal }).catch(() => undefined);
  return signal.aborted;
}
