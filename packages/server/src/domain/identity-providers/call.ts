/** The requests of one login to a provider: through the outbound client, with one deadline for all of them. */
import type { Clock } from '#kernel/clock.ts';
import type { Outbound } from '#platform/outbound/index.ts';
import { type IdentityProvider, ProviderRefusal } from './provider.ts';

/** For all requests of a login together: discovery, token, keys and profile. */
export const providerTotalMs = 5000;
const maxBodyBytes = 65_536;

export interface CallDeps {
  readonly outbound: Outbound;
  readonly clock: Clock;
}

interface CallRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Throws a `ProviderRefusal` when no response arrives in time. */
export class ProviderCall {
  readonly #deps: CallDeps;
  readonly #provider: IdentityProvider;
  readonly #endMs: number;

  constructor(deps: CallDeps, provider: IdentityProvider) {
    this.#deps = deps;
    this.#provider = provider;
    this.#endMs = deps.clock.monotonicMs() + providerTotalMs;
  }

  /** In the form that oauth4webapi expects. Redirects are not followed: their status is no success. */
  readonly fetch = async (url: string, { method, headers, body }: CallRequest): Promise<Response> => {
    const result = await this.#deps.outbound.request({
      ...this.#limits(),
      url,
      method: method === 'POST' ? 'POST' : 'GET',
      headers,
      ...(body instanceof URLSearchParams ? { body: body.toString() } : {}),
    });
    if (result.kind !== 'answered') throw this.unavailable(result.reason);
    const { status, headers: fields, body: bytes } = result;
    if (status < 200 || status > 599) throw this.unavailable(`status ${status}`);
    const isEmpty = [204, 205, 304].includes(status);
    return new Response(isEmpty ? null : new Uint8Array(bytes), { status, headers: fields });
  };

  /** The JSON of a protected resource (RFC 6750 §2.1). */
  readProfileJson(url: string, accessToken: string): Promise<unknown> {
    return this.#readJson(url, { authorization: `Bearer ${accessToken}` });
  }

  /** The JSON of a document that everyone can read. */
  readPublicJson(url: string): Promise<unknown> {
    return this.#readJson(url, {});
  }

  /** A refusal of this provider, with the reason for the log. */
  unavailable(reason: string): ProviderRefusal {
    return new ProviderRefusal('unavailable', `identity provider ${this.#provider.id}: ${reason}`);
  }

  async #readJson(url: string, headers: Readonly<Record<string, string>>): Promise<unknown> {
    const result = await this.#deps.outbound.requestJson({ ...this.#limits(), url, method: 'GET', headers });
    if (result.kind !== 'answered') throw this.unavailable(result.reason);
    if (result.status !== 200) throw this.unavailable(`status ${result.status}`);
    if (result.json === undefined) throw this.unavailable('a response that is no JSON');
    return result.json;
  }

  #limits() {
    const timeoutMs = this.#endMs - this.#deps.clock.monotonicMs();
    if (timeoutMs <= 0) throw this.unavailable('timeout');
    const { allowPrivate } = this.#provider.settings;
    return { purpose: 'provider', policy: { allowPrivate }, timeoutMs: Math.ceil(timeoutMs), maxBodyBytes } as const;
  }
}
