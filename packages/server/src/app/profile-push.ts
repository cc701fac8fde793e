/** Pushes CPU profiles, where that is configured. */
import { hostname } from 'node:os';
import type { Config } from '#config/index.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Outbound } from '#platform/outbound/index.ts';
import { type Logger, type Metrics, ProfilePush, type ProfileWindow } from '#platform/telemetry/index.ts';
import type { OpenResources } from './open-resources.ts';
import type { SecretUsers } from './secret-reload.ts';
import { version } from './version.ts';

export const profilePushTimeoutMs = 10_000;

/** `src/` of this package is left out of the names of files; what is not below it, such as packages, has its whole URL. */
const directoryUrl = new URL('../', import.meta.url).href;

interface ProfilePushDeps {
  readonly config: Config;
  readonly clock: Clock;
  readonly outbound: Outbound;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly resources: OpenResources;
  readonly secretUsers: SecretUsers;
}

/** Records nothing, and loads nothing, without `LATCHKEY_PROFILES_URL`. */
export function startProfilePush(deps: ProfilePushDeps): void {
  const { config, clock, metrics, logger, resources } = deps;
  const { url, seconds } = config.profiles;
  if (url === undefined) return;
  const push = new ProfilePush({
    clock,
    windowSeconds: seconds,
    directoryUrl,
    send: sender(url, deps),
    onDropped: () => metrics.count('telemetry_dropped_total', { signal: 'profiles' }),
  });
  push.run().catch((error: unknown) => logger.error('profiles are no longer recorded', { error }));
  resources.add('profiles', () => push.close());
}

/** By Pyroscope's `POST /ingest`: the profile is a part of a form, and the query names its origin and time. */
function sender(url: string, { config, outbound, secretUsers }: ProfilePushDeps) {
  let { headers } = config.profiles;
  secretUsers.add(
    'LATCHKEY_PROFILES_HEADERS',
    ({ profiles }) => profiles.headers,
    (now) => {
      headers = now;
      return true;
    },
  );
  return async (window: ProfileWindow): Promise<boolean> => {
    const { body, contentType } = await formOf(window);
    const result = await outbound.request({
      purpose: 'profiles',
      url: `${url}?${queryOf(window)}`,
      policy: { allowPrivate: true },
      method: 'POST',
      headers: { ...headers, 'content-type': contentType, 'user-agent': `latchkey/${version}` },
      body,
      timeoutMs: profilePushTimeoutMs,
    });
    return result.kind === 'answered' && result.status < 300;
  };
}

function queryOf({ from, until, samplesPerSecond }: ProfileWindow): string {
  const seconds = (time: Date) => String(Math.floor(time.getTime() / 1000));
  const query = new URLSearchParams({
    name: `latchkey{version=${version},instance=${hostname()},process=${process.pid}}`,
    from: seconds(from),
    until: seconds(until),
    format: 'pprof',
    sampleRate: String(samplesPerSecond),
    spyName: 'latchkey',
  });
  return query.toString();
}

async function formOf({ pprof }: ProfileWindow): Promise<{ readonly body: Buffer; readonly contentType: string }> {
  const form = new FormData();
  form.append('profile', new Blob([new Uint8Array(pprof)]), 'profile.pprof');
  const encoded = new Response(form);
  return {
    body: Buffer.from(await encoded.arrayBuffer()),
    contentType: encoded.headers.get('content-type') ?? '',
  };
}
