import { describe, expect, it } from 'vitest';
import { type LoadedConfig, loadConfig } from './load.ts';

function load(env: Readonly<Record<string, string>>, dotenv?: string): Promise<LoadedConfig> {
  return loadConfig({
    env,
    cwd: '/srv',
    files: (path) => {
      if (path !== '/srv/.env' || dotenv === undefined) return { kind: 'absent' };
      return dotenv === 'unreadable' ? { kind: 'unreadable', reason: 'EACCES' } : { kind: 'text', text: dotenv };
    },
  });
}

async function mistakes(env: Readonly<Record<string, string>>, dotenv?: string): Promise<readonly string[]> {
  const loaded = await load(env, dotenv);
  return loaded.kind === 'invalid' ? loaded.mistakes : [];
}

async function warnings(env: Readonly<Record<string, string>>, dotenv?: string): Promise<readonly string[]> {
  const loaded = await load(env, dotenv);
  return loaded.kind === 'ok' ? loaded.config.warnings : ['invalid', ...loaded.mistakes];
}

describe('.env', () => {
  const text = '# local\nLATCHKEY_PORT=5000\nSMTP_URL="smtp://localhost:1025"\nLATCHKEY_REGISTRATION=\n';

  it('is read in development, and the environment takes precedence', async () => {
    expect(await load({}, text)).toMatchObject({
      kind: 'ok',
      config: { http: { port: 5000 }, mail: { smtp: { port: 1025 } } },
    });
    expect(await load({ LATCHKEY_PORT: '6000', NODE_ENV: 'development' }, text)).toMatchObject({
      config: { http: { port: 6000 }, registration: 'open' },
    });
  });

  it('does not contradict a secret that the environment names by its file', async () => {
    const mistake = 'SMTP_URL_FILE names /run/smtp, which does not exist.';
    expect(await mistakes({ SMTP_URL_FILE: '/run/smtp' }, text)).toEqual([mistake]);
  });

  it('is not read in production, which is a warning, and not in tests', async () => {
    const secrets = { LATCHKEY_KEK: 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=', DATABASE_URL: 'postgres://db/x' };
    const production = { ...secrets, NODE_ENV: 'production', LATCHKEY_PUBLIC_URL: 'https://auth.example.com' };
    const sentence = /^\.env in the working directory is not read in production/;
    expect(await warnings({ ...production, SMTP_URL: 'smtps://mail.example' }, text)).toEqual([
      expect.stringMatching(sentence),
    ]);
    expect(await mistakes(production, text)).toEqual([
      expect.stringContaining('SMTP_URL must be set'),
      expect.stringMatching(sentence),
    ]);
    expect(await load({ NODE_ENV: 'test' }, text)).toMatchObject({ config: { http: { port: 5625 }, warnings: [] } });
  });

  it.each([
    ['LATCHKEY_PROT=1', 'LATCHKEY_PROT is not a setting. Did you mean LATCHKEY_PORT?'],
    ['LATCHKEY_PORT=x', 'LATCHKEY_PORT in .env must be a whole number from 0 to 65535; it is "x".'],
    ['NODE_ENV=production', 'NODE_ENV in .env has no effect. Set it in the environment.'],
    ['unreadable', '.env cannot be read (EACCES).'],
  ])('%s is a mistake', async (dotenv, sentence) => {
    expect(await mistakes({}, dotenv)).toEqual([sentence]);
  });
});

describe('names that are no settings', () => {
  it.each([
    ['DATABSE_URL', 'DATABASE_URL'],
    ['DB_URL', 'DATABASE_URL'],
    ['POSTGRES_HOST', 'DATABASE_URL'],
    ['PGHOST', 'DATABASE_URL'],
    ['SMTP_HOST', 'SMTP_URL'],
    ['SMTP_PASSWORD', 'SMTP_URL'],
    ['MAIL_FROM', 'LATCHKEY_MAIL_FROM'],
    ['REDIS_HOST', 'REDIS_URL'],
    ['REDIS_URI', 'REDIS_URL'],
    ['PORT', 'LATCHKEY_PORT'],
    ['PUBLIC_URL', 'LATCHKEY_PUBLIC_URL'],
    ['DATABASE_POLER', 'DATABASE_POOLER'],
  ])('%s is a warning that names %s', async (name, setting) => {
    const sentence = `${name} is not a setting and has no effect. Did you mean ${setting}?`;
    expect(await warnings({ [name]: 'x' })).toEqual([sentence]);
    expect(await warnings({}, `${name}=x`)).toEqual([sentence]);
  });

  it.each(['PATH', 'HOME', 'LANG', 'TERM', 'SHELL', 'API_URL', 'SMTP', 'NODE_OPTIONS', 'npm_config_cache'])(
    '%s is not near a setting',
    async (name) => {
      expect(await warnings({ [name]: 'x' })).toEqual([]);
    },
  );

  it('are not reported when the setting is there too', async () => {
    expect(await warnings({ DATABASE_URL: 'postgres://db/x', PGHOST: 'db', POSTGRES_URL: 'x' })).toEqual([]);
  });

  it.each([
    ['LATCHKEY_SMTP_URL', ' Did you mean SMTP_URL?'],
    ['LATCHKEY_DATABASE_URL', ' Did you mean DATABASE_URL?'],
    ['LATCHKEY_DB_URL', ' Did you mean DATABASE_URL?'],
    ['LATCHKEY_SMTP_HOST', ' Did you mean SMTP_URL?'],
    ['LATCHKEY_COLOR_OF_THE_BIKE_SHED', ''],
  ])('%s is a mistake', async (name, suggestion) => {
    expect(await mistakes({ [name]: 'x' })).toEqual([`${name} is not a setting.${suggestion}`]);
  });
});

describe('variables of Kubernetes for Services', () => {
  it.each(['LATCHKEY', 'LATCHKEY_POSTGRESQL', 'LATCHKEY_REDIS_MASTER', 'DATABASE'])(
    '%s_… are ignored',
    async (service) => {
      const links = {
        [`${service}_SERVICE_HOST`]: '10.0.0.1',
        [`${service}_SERVICE_PORT`]: '5432',
        [`${service}_SERVICE_PORT_TCP_POSTGRESQL`]: '5432',
        [`${service}_PORT_5432_TCP`]: 'tcp://10.0.0.1:5432',
        [`${service}_PORT_5432_TCP_PROTO`]: 'tcp',
        [`${service}_PORT_5432_TCP_PORT`]: '5432',
        [`${service}_PORT_5432_TCP_ADDR`]: '10.0.0.1',
        [`${service}_PORT_53_UDP_ADDR`]: '10.0.0.1',
      };
      expect(await warnings(links)).toEqual([]);
      if (service !== 'LATCHKEY') expect(await warnings({ [`${service}_PORT`]: 'tcp://10.0.0.1:5432' })).toEqual([]);
    },
  );

  it.each([
    ['LATCHKEY_PORT', 'latchkey'],
    ['LATCHKEY_OPS_PORT', 'latchkey-ops'],
  ])('%s is a mistake that names enableServiceLinks', async (name, service) => {
    const [mistake] = await mistakes({ [name]: 'tcp://10.0.0.1:80' });
    expect(mistake).toContain(`for a Service named ${service}: set "enableServiceLinks: false" in the pod`);
  });
});
