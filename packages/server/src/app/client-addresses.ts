/** Client addresses behind trusted proxies, and a warning about a proxy that is not trusted. */
import type { Clock } from '#kernel/clock.ts';
import type { Logger } from '#platform/telemetry/index.ts';
import { type Cidr, clientAddress, isTrustedPeer } from '#protocol/network-address/index.ts';

const maxCachedAddresses = 1024;
const dayMs = 24 * 3600 * 1000;

export class ClientAddresses {
  readonly #trusted: readonly Cidr[];
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #direct = new Map<string, string>();
  #warnedMs = Number.NEGATIVE_INFINITY;

  constructor(dependencies: { readonly trusted: readonly Cidr[]; readonly logger: Logger; readonly clock: Clock }) {
    this.#trusted = dependencies.trusted;
    this.#logger = dependencies.logger;
    this.#clock = dependencies.clock;
  }

  /** The client's address. Peers that send no forwarding header are cached, so that most requests parse no address. */
  resolve(hops: { readonly socketAddress: string; readonly forwardedFor: string | undefined }): string {
    const { socketAddress, forwardedFor } = hops;
    if (forwardedFor !== undefined) {
      if (!this.isTrustedPeer(socketAddress)) this.#warn(socketAddress);
      return clientAddress({ socketAddress, forwardedFor: [forwardedFor], trusted: this.#trusted });
    }
    const cached = this.#direct.get(socketAddress);
    if (cached !== undefined) return cached;
    const address = clientAddress({ socketAddress, forwardedFor: [], trusted: this.#trusted });
    if (this.#direct.size >= maxCachedAddresses) this.#direct.clear();
    this.#direct.set(socketAddress, address);
    return address;
  }

  isTrustedPeer(socketAddress: string): boolean {
    return isTrustedPeer(socketAddress, this.#trusted);
  }

  // Everyone behind an untrusted proxy shares its address, and so one quota. Once a day, because any client can cause it.
  #warn(peer: string): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#warnedMs < dayMs) return;
    this.#warnedMs = nowMs;
    this.#logger.warn(
      'X-Forwarded-For of a peer that is not trusted was ignored; if this peer is your proxy, set LATCHKEY_TRUSTED_PROXIES to its address',
      { peer },
    );
  }
}
