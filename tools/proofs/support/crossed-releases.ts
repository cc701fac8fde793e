/** Sessions and tokens that one node issues, used on another. */
import { client, dataOf } from '../../../e2e/support/client.ts';
import { eventually } from '../../../packages/server/test/support/wait.ts';

/** So many signatures that one of a form that the other release rejects is among them. */
const sessions = 20;
const revokedWithinMs = 1000;

/** The longest time until the other node rejected a session that ended, and a sentence for each fault. */
export interface Crossing {
  readonly revokedAfterMs: number;
  readonly faults: readonly string[];
}

/** Logs a user in on the node `from`; checks, refreshes and ends each session on either node. */
export async function crossReleases(from: string, to: string, email: string, password: string): Promise<Crossing> {
  const faults: string[] = [];
  let revokedAfterMs = 0;
  const require = (result: { readonly ok: boolean; readonly status: number }, what: string) => {
    if (!result.ok) faults.push(`${what}: ${result.status}`);
  };
  for (let number = 0; number < sessions; number += 1) {
    const issued = dataOf(await client(from).login(email, password));
    require(await client(to).session(issued.accessToken), 'access token of the other release');
    require(await client(to).me(issued.accessToken), 'own profile with the access token of the other release');
    const refreshed = await client(to).refresh(issued.refreshToken);
    require(refreshed, 'refresh token of the other release');
    if (!refreshed.ok) continue;
    require(await client(from).session(
      refreshed.data.accessToken,
    ), 'access token after a refresh on the other release');
    require(await client(from).logout(
      refreshed.data.accessToken,
    ), 'logout of a session that the other release refreshed');
    revokedAfterMs = Math.max(revokedAfterMs, await untilRejected(to, refreshed.data.accessToken));
  }
  if (revokedAfterMs > revokedWithinMs)
    faults.push(`a session was accepted ${Math.round(revokedAfterMs)} ms after its end`);
  return { revokedAfterMs, faults };
}

/** Until the last check that was accepted was sent: a response may be late on a busy machine. */
async function untilRejected(url: string, token: string): Promise<number> {
  const endedMs = performance.now();
  let acceptedMs = endedMs;
  const isRejected = async () => {
    const sentMs = performance.now();
    const { status } = await client(url).session(token);
    if (status === 200) acceptedMs = sentMs;
    return status === 401;
  };
  await eventually(isRejected, { what: 'the other release rejects a session that ended', timeoutMs: 60_000 });
  return acceptedMs - endedMs;
}
