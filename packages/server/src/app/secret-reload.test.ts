import { createSecretKey, randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Config, loadConfig } from '#config/index.ts';
import { createLogger } from '#platform/telemetry/index.ts';
import { OperatorError } from './operator-error.ts';
import { differOnlyInPassword, SecretReload, SecretUsers } from './secret-reload.ts';

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly detail?: string;
}

const kek = (fill: number) => Buffer.alloc(32, fill).toString('base64');

async function configOf(env: Readonly<Record<string, string>>): Promise<Config> {
  const loaded = await loadConfig({ env: { NODE_ENV: 'test', ...env }, files: () => ({ kind: 'absent' }), cwd: '/' });
  if (loaded.kind === 'invalid') throw new OperatorError(loaded.mistakes.join('\n'), 78);
  return loaded.config;
}

describe('reading the secrets again', () => {
  const first = { SMTP_URL: 'smtp://a:hunter1@mail.example', LATCHKEY_KEK: kek(1) };
  let env: Readonly<Record<string, string>>;
  let lines: Line[];
  let used: (string | undefined)[];
  let users: SecretUsers;
  let reload: SecretReload;
  let replaceMail: () => boolean | Promise<boolean>;

  beforeEach(async () => {
    env = first;
    lines = [];
    used = [];
    replaceMail = () => true;
    const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Line) };
    const logger = createLogger({ level: 'info', service: 'test', version: '0', destination });
    users = new SecretUsers(await configOf(env));
    users.add(
      'SMTP_URL',
      ({ mail }) => mail.smtp,
      ({ auth }) => {
        used.push(auth?.pass);
        return replaceMail();
      },
    );
    users.add(
      'LATCHKEY_KEK',
      ({ keys }) => keys.kek,
      () => false,
    );
    reload = new SecretReload({ users, logger, loadConfig: () => configOf(env) });
  });

  const logged = () => lines.map(({ level, detail }) => `${level} ${detail}`);

  it('replaces what has changed, and nothing else', async () => {
    await reload.request();
    env = { ...first, SMTP_URL: 'smtp://a:hunter2@mail.example' };
    await reload.request();
    await reload.request();
    expect(used).toEqual(['hunter2']);
    expect(logged()).toEqual(['info changed: none', 'info changed: SMTP_URL', 'info changed: none']);
    expect(JSON.stringify(lines)).not.toContain('hunter');
  });

  it('keeps everything when one setting is invalid', async () => {
    env = { ...first, SMTP_URL: 'smtp://a:hunter2@mail.example', LATCHKEY_KEK: 'hunter2', REDIS_URL: 'hunter2' };
    await reload.request();
    expect(used).toEqual([]);
    expect(lines).toMatchObject([{ level: 'warn', msg: 'secrets could not be read again, and the old ones stay' }]);
    expect(JSON.stringify(lines)).not.toContain('hunter');
  });

  it('keeps everything after an unexpected error', async () => {
    const ownKeys = (): never => {
      throw new Error('a fault');
    };
    env = new Proxy({}, { ownKeys });
    await reload.request();
    env = { ...first, SMTP_URL: 'smtp://a:hunter2@mail.example' };
    await reload.request();
    expect(lines.map(({ level }) => level)).toEqual(['warn', 'info']);
    expect(used).toEqual(['hunter2']);
  });

  it('tells of each change that needs a restart, at each reload', async () => {
    env = { LATCHKEY_KEK: kek(2) };
    await reload.request();
    await reload.request();
    const restarts = ['warn SMTP_URL', 'warn LATCHKEY_KEK', 'info changed: none'];
    expect(logged()).toEqual([...restarts, ...restarts]);
    expect(used).toEqual([]);
  });

  it('tries again at the next reload what could not be replaced', async () => {
    env = { ...first, SMTP_URL: 'smtp://a:hunter2@mail.example' };
    replaceMail = () => Promise.reject(new Error('no connection'));
    await reload.request();
    replaceMail = () => true;
    await reload.request();
    expect(used).toEqual(['hunter2', 'hunter2']);
    expect(logged()).toEqual(['warn SMTP_URL', 'info changed: none', 'info changed: SMTP_URL']);
  });

  it('runs once at a time, and once more for any number of requests meanwhile', async () => {
    await Promise.all(Array.from({ length: 20 }, () => reload.request()));
    expect(lines).toHaveLength(2);
    const running = reload.request();
    // The load has begun, so the other requests may be for a later secret.
    await Promise.all([running, ...Array.from({ length: 20 }, () => reload.request())]);
    expect(lines).toHaveLength(4);
  });
});

describe('two servers', () => {
  it('differ only in the password, or in something else', () => {
    const tls = { mode: 'require', ca: 'x' };
    const server = { host: 'db', password: 'a', tls };
    expect(differOnlyInPassword({ ...server, password: 'b', tls: { ...tls } }, server)).toBe(true);
    expect(differOnlyInPassword({ ...server, tls: { ...tls, ca: 'y' } }, server)).toBe(false);
    expect(differOnlyInPassword({ ...server, host: 'other' }, server)).toBe(false);
  });

  it('have keys that are compared by their content', () => {
    const bytes = randomBytes(32);
    const [key, same, other] = [bytes, Buffer.from(bytes), randomBytes(32)].map((each) => createSecretKey(each));
    expect(differOnlyInPassword({ password: '', key }, { password: '', key: same })).toBe(true);
    expect(differOnlyInPassword({ password: '', key }, { password: '', key: other })).toBe(false);
  });
});
