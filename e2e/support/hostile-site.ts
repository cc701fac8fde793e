import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { Page } from 'playwright-core';

const hostilePage = readFileSync(join(import.meta.dirname, 'hostile-page.html'), 'utf8');

/** The functions of `hostile-page.html`. */
export type Attack = 'sendForms' | 'sendFormsOnTop' | 'write' | 'read' | 'include' | 'embed' | 'openWindows' | 'look';

/** A site of another origin on this machine. */
export type HostileSite = AsyncDisposable & {
  readonly port: number;
  /** The Sec-Fetch-Site header of each request. */
  readonly fetchSites: readonly (string | undefined)[];
};

/** Serves the hostile page under every host name of this machine. */
export async function openHostileSite(): Promise<HostileSite> {
  const fetchSites: (string | undefined)[] = [];
  const server = createServer(({ headers }, response) => {
    fetchSites.push(headers['sec-fetch-site'] as string | undefined);
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(hostilePage);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    fetchSites,
    port: typeof address === 'object' && address !== null ? address.port : 0,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Runs an attack function of a page. */
export function attack<T = readonly string[]>(page: Page, attackName: Attack, argument?: unknown): Promise<T> {
  return page.evaluate<T>(`attacks.${attackName}(${JSON.stringify(argument ?? null)})`);
}

/** Injects the functions into a page of the product, whose policy must be bypassed. */
export async function injectAttacks(page: Page): Promise<void> {
  const script = /<script>(.*)<\/script>/s.exec(hostilePage)?.[1] ?? '';
  await page.addScriptTag({ content: script });
}
