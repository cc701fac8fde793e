import type { Requester } from '#kernel/requester.ts';
import { describeUserAgent } from '#protocol/user-agent/index.ts';
import type { Occasion } from './templates.ts';

/** The source of a change of the user, for its notice. The user agent itself is a text of the client and is not kept. */
export function occasionOf({ address, userAgent }: Pick<Requester, 'address' | 'userAgent'>): Occasion {
  const { browser, os } = describeUserAgent(userAgent);
  return { address, ...(browser !== undefined && { browser }), ...(os !== undefined && { os }) };
}
