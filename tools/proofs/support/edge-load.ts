/** Devices that check their sessions, load pages, refresh and log in through a proxy, without pause. */
import {
  type Edge,
  EdgeConnection,
  type EdgeRequest,
  type EdgeResponse,
  isRefused,
} from '../../../packages/server/test/support/edge.ts';
import { eventually } from '../../../packages/server/test/support/wait.ts';

export interface Device {
  readonly email: string;
  readonly password: string;
  readonly deviceToken: string;
}

/** The requests since the last mark. */
export interface Tally {
  readonly requests: number;
  /** Counts by method, path and status or error. */
  readonly failures: ReadonlyMap<string, number>;
  /** Requests that the connection refused before the proxy processed them, and that were sent on another (RFC 9113 §8.7). */
  readonly refused: number;
  /** POSTs that were sent again after a 502, as clients of refresh and login do. */
  readonly repeated: number;
  readonly longestMs: number;
}

/** All failures of a tally. */
export function countFailures({ failures }: Tally): number {
  return [...failures.values()].reduce((sum, each) => sum + each, 0);
}

const connectionCount = 4;
const repeats = 5;
const resting = { requests: 0, refused: 0, repeated: 0, longestMs: 0 };

export class EdgeLoad {
  readonly #edge: Edge;
  readonly #connections: (EdgeConnection | undefined)[] = [];
  readonly #loops: Promise<unknown>;
  #counts = { ...resting };
  #failures = new Map<string, number>();
  #isOver = false;

  constructor(edge: Edge, devices: readonly Device[]) {
    this.#edge = edge;
    this.#loops = Promise.all(devices.map((device, index) => this.#use(device, index)));
  }

  /** Waits until so many requests have been sent since the last mark. */
  async reach(requests: number): Promise<void> {
    await eventually(() => this.#counts.requests >= requests, { what: `${requests} requests`, timeoutMs: 900_000 });
  }

  /** Returns what happened since the last mark, and begins to count anew. */
  mark(): Tally {
    const tally = { ...this.#counts, failures: this.#failures };
    this.#counts = { ...resting };
    this.#failures = new Map();
    return tally;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#loops;
    for (const connection of this.#connections) connection?.[Symbol.dispose]();
  }

  async #use(device: Device, index: number): Promise<void> {
    let tokens = await this.#logIn(device, index);
    for (let step = 1; !this.#isOver; step += 1) {
      const headers = { authorization: `Bearer ${tokens?.accessToken}` };
      if (tokens === undefined || step % 60 === 0) tokens = await this.#logIn(device, index);
      else if (step % 20 === 0) tokens = await this.#post(index, 'refresh', { refreshToken: tokens.refreshToken });
      else if (step % 10 === 5) await this.#expect(index, 'GET', '/login');
      else await this.#expect(index, 'GET', '/api/v1/auth/session', { headers });
    }
  }

  #logIn({ email, password, deviceToken }: Device, index: number): Promise<Tokens | undefined> {
    return this.#post(index, 'login', { email, password, deviceToken });
  }

  async #post(index: number, path: string, json: object): Promise<Tokens | undefined> {
    const response = await this.#expect(index, 'POST', `/api/v1/auth/${path}`, { json });
    return response === undefined ? undefined : (JSON.parse(response.body) as { readonly data: Tokens }).data;
  }

  /** Returns the response with 200; counts any other as a failure. */
  async #expect(index: number, method: string, path: string, request?: EdgeRequest): Promise<EdgeResponse | undefined> {
    const startMs = performance.now();
    let outcome = '';
    for (let attempt = 0; attempt < repeats; attempt += 1) {
      const response = await this.#send(index, method, path, request);
      this.#counts.requests += 1;
      this.#counts.longestMs = Math.max(this.#counts.longestMs, performance.now() - startMs);
      if (typeof response !== 'string' && response.status === 200) return response;
      outcome = typeof response === 'string' ? response : String(response.status);
      if (method !== 'POST' || outcome !== '502') break;
      this.#counts.repeated += 1;
    }
    const what = `${method} ${path}: ${outcome}`;
    this.#failures.set(what, (this.#failures.get(what) ?? 0) + 1);
    return undefined;
  }

  /** The response, or the error in words. */
  async #send(index: number, ...request: Parameters<EdgeConnection['send']>): Promise<EdgeResponse | string> {
    try {
      const connection = await this.#connect(index % connectionCount);
      return await connection.send(...request);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (!isRefused(error)) return error.message;
      this.#counts.refused += 1;
      return this.#send(index, ...request);
    }
  }

  async #connect(place: number): Promise<EdgeConnection> {
    const current = this.#connections[place];
    if (current?.isUsable === true) return current;
    const opened = await EdgeConnection.open(this.#edge, `127.0.0.${10 + place}`);
    // Another device may have been faster.
    const meanwhile = this.#connections[place];
    if (meanwhile?.isUsable === true) {
      opened[Symbol.dispose]();
      return meanwhile;
    }
    this.#connections[place] = opened;
    return opened;
  }
}

interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}
