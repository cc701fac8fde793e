import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { Page } from 'playwright-core';

const page = readFileSync(join(import.meta.dirname, 'hostile-page.html'), 'utf8');

/** What the page does; its functions stand in `hostile-page.html`. */
export type Attack = 'sendForms' | 'sendFormsOnTop' | 'write' | 'read' | 'include' | 'embed' | 'openWindows' | 'look';

/** A site of somebody else on this machine. */
export type HostileSite = AsyncDisposable & {
  readonly port: number;
  /** What browsers said of where each request came from. */
  readonly seen: readonly (string | undefined)[];
};

/** Serves the hostile page, by whatever name of this machine it is asked for. */
export async function openHostileSite(): Promise<HostileSite> {
  const seen: (string | undefined)[] = [];
  const server = createServer(({ headers }, response) => {
    seen.push(headers['sec-fetch-site'] as string | undefined);
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    seen,
    port: typeof address === 'object' && address !== null ? address.port : 0,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Lets a page that has the functions do one of its things. */
export function attack<T = readonly string[]>(on: Page, what: Attack, given?: unknown): Promise<T> {
  return on.evaluate<T>(`attacks.${what}(${JSON.stringify(given ?? null)})`);
}

/** Gives the functions to a page of our own, which its policy would forbid. */
export async function turnHostile(on: Page): Promise<void> {
  const script = /<script>(.*)<\/script>/s.exec(page)?.[1] ?? '';
  await on.addScriptTag({ content: script });
}
