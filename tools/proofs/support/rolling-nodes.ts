/** Nodes behind a balancer, which are replaced by other releases one after another as an upgrade does. */
import { findFreePort } from '../../../e2e/support/free-port.ts';
import type { Settings } from '../../../e2e/support/program.ts';
import { type RunningServer, startServer } from '../../../e2e/support/server.ts';
import { type HttpBalancer, startHttpBalancer } from '../../../packages/server/test/support/haproxy.ts';
import { eventually } from '../../../packages/server/test/support/wait.ts';
import type { Release } from './releases.ts';

export interface NodeOptions {
  readonly database: string;
  readonly smtpUrl: string;
  readonly env: Settings;
}

interface Node {
  readonly port: number;
  readonly release: Release;
  readonly server: RunningServer;
}

/** Longer than the balancer's interval between two checks, so that it sends nothing to a node that closes. */
const shutdownDelay = '2';
/** The other node serves meanwhile, and both share the cores with the load. */
const startTimeoutMs = 120_000;

export class RollingNodes implements AsyncDisposable {
  readonly balancer: HttpBalancer;
  readonly #options: NodeOptions;
  readonly #nodes: Node[];

  private constructor(balancer: HttpBalancer, options: NodeOptions, nodes: Node[]) {
    this.balancer = balancer;
    this.#options = options;
    this.#nodes = nodes;
  }

  /** Starts so many nodes of a release, and resolves when the balancer sends requests to them. */
  static async start(count: number, release: Release, options: NodeOptions): Promise<RollingNodes> {
    const nodes: Node[] = [];
    for (let index = 0; index < count; index += 1) nodes.push(await startNode(await findFreePort(), release, options));
    const balancer = await startHttpBalancer(nodes.map(({ port }) => port));
    const answers = async () => (await fetch(`http://127.0.0.1:${balancer.port}/livez`)).ok;
    await eventually(answers, { what: 'the balancer reaches a node' });
    return new RollingNodes(balancer, options, nodes);
  }

  /** Base URLs of the nodes, to reach each without the balancer. */
  get urls(): readonly string[] {
    return this.#nodes.map(({ server }) => server.url);
  }

  /** Base URLs of the operator's listeners. */
  get opsUrls(): readonly string[] {
    return this.#nodes.map(({ server }) => server.opsUrl);
  }

  /** The names of the releases, as `previous and current`. */
  get releases(): string {
    return [...new Set(this.#nodes.map(({ release }) => release.name))].join(' and ');
  }

  /**
   * Stops a node as a service manager does, and starts another release in its place; resolves when the balancer
   * sends requests to it.
   *
   * @param env settings that this release may not know.
   * @throws Error when the node does not stop in order.
   */
  async replace(index: number, release: Release, env: Settings = {}): Promise<void> {
    const { server, port } = this.#nodes[index] as Node;
    const code = await server.stop();
    if (code !== 0) throw new Error(`a node exited with ${code}:\n${server.logs()}`);
    this.#nodes[index] = await startNode(port, release, this.#options, env);
    // Else the next node could stop before the balancer sends requests to this one.
    await eventually(() => this.balancer.uses(index), {
      what: 'the balancer uses the node',
      timeoutMs: startTimeoutMs,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map(({ server }) => server.kill9()));
    await this.balancer[Symbol.asyncDispose]();
  }
}

async function startNode(
  port: number,
  release: Release,
  { database, smtpUrl, env }: NodeOptions,
  unknown: Settings = {},
): Promise<Node> {
  const known = { LATCHKEY_SHUTDOWN_DELAY_SECONDS: shutdownDelay, LATCHKEY_TRUSTED_PROXIES: '127.0.0.1', ...env };
  const options = {
    database,
    port,
    smtpUrl,
    publicUrl: 'http://localhost:5625',
    startTimeoutMs,
    env: { ...release.knownOf(known), ...unknown },
  };
  const { checkout } = release;
  const server = await startServer(checkout === undefined ? options : { ...options, checkout });
  return { port, release, server };
}
