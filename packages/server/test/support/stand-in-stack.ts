import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server whose readiness and metrics a test decides, on one port for both listeners. It answers requests with its name. */
export class StandInStack {
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
