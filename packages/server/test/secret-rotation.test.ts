/** Secrets that are replaced while the product runs, as their receivers see them. */
import { createHmac } from 'node:crypto';
import { beforeAll, expect, it } from 'vitest';
import { applyProviderSettings } from '#app/apply-settings.ts';
import { connectErrorReports, openErrorReports } from '#app/error-reports.ts';
import { startProfilePush } from '#app/profile-push.ts';
import { SecretReload } from '#app/secret-reload.ts';
import { type Config, type FileReader, loadConfig } from '#config/index.ts';
import { present } from '#kernel/assert.ts';
import { createLogger } from '#platform/telemetry/index.ts';
import { Application } from './support/application.ts';
import { type HttpReceiver, json, startReceiver } from './support/http-receiver.ts';
import { hookSettings } from './support/registration-hook.ts';
import { register, uniqueEmail } from './support/user-actions.ts';
import { eventually } from './support/wait.ts';

interface Line {
  readonly level: string;
  readonly detail?: string;
}

const provider = { preset: 'oidc', issuer: 'https://idp.example.com', clientId: 'latchkey' };

let receiver: HttpReceiver;
let app: Application;
let next: Config;
let reload: SecretReload;
const lines: Line[] = [];
const hookKey = (fill: number) => Buffer.alloc(32, fill);

function settings(rotation: number): Record<string, string> {
  const { port } = receiver;
  return {
    ...hookSettings(port),
    LATCHKEY_REGISTRATION_HOOK_SECRET: hookKey(rotation).toString('base64'),
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_EXPORTER_OTLP_HEADERS: `api-key=collector${rotation}`,
    LATCHKEY_PROFILES_URL: `http://127.0.0.1:${port}/ingest`,
    LATCHKEY_PROFILES_HEADERS: `api-key=profiles${rotation}`,
    LATCHKEY_PROFILES_SECONDS: '1',
    SENTRY_DSN: `http://sentry${rotation}@127.0.0.1:${port}/4${rotation}`,
  };
}

function settingsFile(rotation: number): string {
  return JSON.stringify({ providers: { acme: { ...provider, clientSecret: `provider${rotation}` } } });
}

async function configOf(rotation: number, file = settingsFile(rotation)): Promise<Config> {
  const env = { ...app.deployment, ...settings(rotation), NODE_ENV: 'test' };
  const files: FileReader = (path) =>
    path === '/latchkey.config.json' ? { kind: 'text', text: file } : { kind: 'absent' };
  const loaded = await loadConfig({ env, files, cwd: '/' });
  if (loaded.kind === 'invalid') throw new Error(loaded.mistakes.join('\n'));
  return loaded.config;
}

beforeAll(async () => {
  receiver = await startReceiver();
  receiver.react((response, request) =>
    json(request.url === '/may-register' ? { allow: true } : {})(response, request),
  );
  app = await Application.open({ env: settings(1), settingsFile: settingsFile(1) });
  const { services } = app;
  await applyProviderSettings(services);
  const reports = present(openErrorReports(services.config), 'error reports');
  connectErrorReports(reports, services);
  startProfilePush(services);
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Line) };
  const onError = (line: Parameters<typeof reports.capture>[0]) => reports.capture(line);
  const logger = createLogger({ level: 'info', service: 'test', version: '0', destination, onError });
  reload = new SecretReload({ users: services.secretUsers, logger, loadConfig: async () => next });
  report = (message) => logger.error('a failure', { error: new Error(message) });
  return async () => {
    await reports.close();
    await app.close();
    await receiver.stop();
  };
});

let report: (message: string) => void;

/** Lets every part send something. Returns what each of them used as its secret. */
async function use(): Promise<readonly unknown[]> {
  const before = receiver.received.length;
  await register(app, uniqueEmail());
  report(`after ${before} requests`);
  const sent = (url: RegExp) =>
    eventually(() => receiver.received.slice(before).find((request) => url.test(request.url)), { what: `${url}` });
  const hook = await sent(/may-register/);
  const spans = await sent(/v1\/traces/);
  const profile = await sent(/\/ingest\?/);
  const envelope = await sent(/\/envelope\//);
  const { headers } = hook;
  const text = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${hook.body}`;
  const signed = [1, 2].filter(
    (fill) =>
      headers['webhook-signature'] === `v1,${createHmac('sha256', hookKey(fill)).update(text).digest('base64')}`,
  );
  return [
    signed,
    spans.headers['api-key'],
    profile.headers['api-key'],
    /sentry_key=(\w+)/.exec(envelope.url)?.[1],
    /"dsn":"http:\/\/(\w+)@/.exec(envelope.body)?.[1],
    app.services.identityProviders.secretOf({ id: 'acme' }),
  ];
}

it('a reload replaces the secrets of every part, without a restart and without a trace of them in the log', async () => {
  expect(await use()).toEqual([[1], 'collector1', 'profiles1', 'sentry1', 'sentry1', 'provider1']);
  next = await configOf(2);
  await reload.request();
  expect(await use()).toEqual([[2], 'collector2', 'profiles2', 'sentry2', 'sentry2', 'provider2']);
  const changed =
    'OTEL_EXPORTER_OTLP_HEADERS, LATCHKEY_REGISTRATION_HOOK_SECRET, providers, SENTRY_DSN, LATCHKEY_PROFILES_HEADERS';
  expect(lines.filter(({ level }) => level !== 'error')).toMatchObject([
    { level: 'info', detail: `changed: ${changed}` },
  ]);
  expect(JSON.stringify(lines)).not.toMatch(/collector\d|profiles\d|sentry\d|provider\d/);
});

it('a provider that leaves the file, or joins it, waits for the next start', async () => {
  next = await configOf(2, JSON.stringify({ providers: {} }));
  lines.length = 0;
  await reload.request();
  expect(lines.map(({ level, detail }) => `${level} ${detail}`)).toEqual(['warn providers', 'info changed: none']);
  expect(app.services.identityProviders.byId('acme')).toBeDefined();
});
