import { eventually } from '../../packages/server/test/support/wait.ts';

/** A message of the built-in inbox. */
export type InboxMessage = {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly links: readonly string[];
};

/** The messages of the built-in inbox for an address, newest first. `opsUrl`: the operator's listener. */
export async function readInbox(opsUrl: string, to: string): Promise<readonly InboxMessage[]> {
  const response = await fetch(`${opsUrl}/dev/inbox/messages?to=${encodeURIComponent(to)}`);
  if (!response.ok) throw new Error(`the inbox returned ${response.status}`);
  return (await response.json()) as readonly InboxMessage[];
}

/** Waits for the newest message with a link to `path`, other than those in `excluded`. */
export function awaitLink(
  read: () => Promise<readonly { readonly links: readonly string[] }[]>,
  path: string,
  excluded: ReadonlySet<string> = new Set(),
): Promise<URL> {
  return eventually(
    async () => {
      const links = (await read()).flatMap((message) => message.links).map((link) => new URL(link));
      return links.find((link) => link.pathname === path && !excluded.has(link.href));
    },
    { what: `a mail with a link to ${path} arrives`, timeoutMs: 20_000 },
  );
}

/** The token of a mailed link. */
export function tokenOf(link: URL): string {
  const token = link.searchParams.get('token');
  if (token === null) throw new Error('a link without token');
  return token;
}
