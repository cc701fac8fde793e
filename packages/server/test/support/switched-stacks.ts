/** Two stacks that `deploy/switch.sh` leads the requests of a real Caddy to. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { findFreePort } from '../../../../e2e/support/free-port.ts';
import type { Settings } from '../../../../e2e/support/program.ts';
import { provideCaddy, type RunningCaddy, startCaddy } from './caddy.ts';

/** A server whose readiness and metrics a test decides, on one port for both listeners. It answers requests with its name. */
class StandInStack {
  readonly #server = createServer((request, response) => {
    if (request.url === '/readyz') response.writeHead(this.isReady ? 200 : 503).end();
    else if (request.url === '/metrics') response.end(this.#metrics());
    else {
      this.requests += 1;
      response.end(this.name);
    }
  });
  readonly name: string;
  isReady = true;
  requests = 0;
  failed = 0;

  constructor(name: string) {
    this.name = name;
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #metrics(): string {
    const line = (status: number, count: number) =>
      `http_requests_total{method="GET",route="/",status_code="${status}"} ${count}\n`;
    return `# TYPE http_requests_total counter\n${line(200, this.requests)}${line(503, this.failed)}`;
  }
}

/** Blue and green behind Caddy. */
export class SwitchedStacks implements AsyncDisposable {
  readonly blue: StandInStack;
  readonly green: StandInStack;
  readonly caddy: RunningCaddy;

  private constructor(blue: StandInStack, green: StandInStack, caddy: RunningCaddy) {
    this.blue = blue;
    this.green = green;
    this.caddy = caddy;
  }

  static async start(): Promise<SwitchedStacks> {
    const [blue, green] = [new StandInStack('blue'), new StandInStack('green')];
    await Promise.all([blue.listen(), green.listen()]);
    const caddy = await startCaddy({ port: await findFreePort(), nodes: [blue.address] });
    return new SwitchedStacks(blue, green, caddy);
  }

  /** Both are ready, and blue has the requests. */
  async reset(): Promise<void> {
    for (const stack of [this.blue, this.green]) Object.assign(stack, { isReady: true, requests: 0, failed: 0 });
    await this.caddy.lead([this.blue.address]);
  }

  /** Caddy's file of the active nodes. */
  active(): string {
    return readFileSync(join(this.caddy.directory, 'latchkey.nodes'), 'utf8');
  }

  /** The environment of `switch.sh`, which watches for 2 s. */
  get settings(): Settings {
    const { blue, green, caddy } = this;
    return {
      PATH: `${join(provideCaddy(), '..')}:${process.env.PATH}`,
      ...caddy.env,
      SWITCH_SETTINGS: '/dev/null',
      BLUE_NODES: blue.address,
      BLUE_OPS: blue.address,
      GREEN_NODES: green.address,
      GREEN_OPS: green.address,
      CADDYFILE: join(caddy.directory, 'Caddyfile'),
      ACTIVE_FILE: join(caddy.directory, 'latchkey.nodes'),
      READY_SECONDS: '1',
      WATCH_SECONDS: '2',
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.caddy[Symbol.asyncDispose]();
    for (const stack of [this.blue, this.green]) stack.close();
  }
}
