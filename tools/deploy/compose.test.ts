import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../steps.ts';
import { composeFaults, readCompose } from './compose-rules.ts';
import { readEnvironmentFile, settingMistakes } from './deployed-settings.ts';
import { readDockerfile } from './dockerfile-rules.ts';

const read = (path: string) => readFileSync(join(root, 'deploy', path), 'utf8');
const compose = read('compose.yaml');

function plant(old: string | RegExp, replacement: string): string {
  const faulty = compose.replace(old, replacement);
  expect(faulty).not.toBe(compose);
  return faulty;
}

/** The environment of a server: of the image, the file and the service. */
function environmentOf(text: string): Record<string, string> {
  const [image = ''] = readDockerfile(read('Dockerfile'))
    .filter(({ name }) => name === 'ENV')
    .map(({ value }) => value);
  const { environment = {} } = readCompose(text).services['server-a'] ?? {};
  const all = {
    ...readEnvironmentFile(image.replaceAll(/\s+/g, '\n')),
    ...readEnvironmentFile(read('compose/latchkey.env')),
    ...environment,
  };
  const entries = Object.entries(all).map(([name, value]) => [
    name,
    value.replace(/\$\{LATCHKEY_SITE:[^}]*\}/, 'auth.example.com'),
  ]);
  return Object.fromEntries(entries.filter(([name]) => name !== 'NODE_COMPILE_CACHE')) as Record<string, string>;
}

describe('compose.yaml', () => {
  it('breaks no rule, and has two servers, a job for the schema, PostgreSQL, Redis and Caddy', () => {
    expect(composeFaults(readCompose(compose))).toEqual([]);
    expect(Object.keys(readCompose(compose).services).sort()).toEqual(
      'caddy migrate postgres redis server-a server-b'.split(' '),
    );
  });

  it('has settings that the product accepts', async () => {
    expect(await settingMistakes(environmentOf(compose), '/run/secrets')).toEqual([]);
  });

  it('with an unknown setting is refused', async () => {
    const faulty = plant(
      '    LATCHKEY_TRUSTED_PROXIES:',
      '    LATCHKEY_TRUSTED_PROXY: x\n    LATCHKEY_TRUSTED_PROXIES:',
    );
    expect((await settingMistakes(environmentOf(faulty), '/run/secrets')).join('\n')).toContain(
      'LATCHKEY_TRUSTED_PROXY',
    );
  });

  it('trusts the address of Caddy alone, which leads to the servers by their names', () => {
    const { services } = readCompose(compose);
    const networks = services.caddy?.networks as Readonly<Record<string, { readonly ipv4_address: string }>>;
    expect(services['server-a']?.environment?.LATCHKEY_TRUSTED_PROXIES).toBe(networks.front?.ipv4_address);
    expect(read('compose/latchkey.nodes')).toBe('to server-a:5625 server-b:5625\nlb_policy least_conn\n');
  });

  it.each([
    [
      'an image without digest',
      /(image: redis:7-alpine)@\S+/,
      '$1',
      'redis has an image that is not pinned by its digest',
    ],
    ['a writable image', '  read_only: true\n', '', 'caddy can write to its image'],
    ['capabilities', '  cap_drop: [ALL]\n', '', 'postgres keeps capabilities'],
    ['privileges to gain', "  security_opt: ['no-new-privileges:true']\n", '', 'redis can gain privileges'],
    ['no limit of memory', '    mem_limit: 1g\n', '', 'postgres has no limit of memory or processes'],
    [
      'a published database',
      '    networks: [back]\n    # PostgreSQL ends',
      "    ports: ['5432:5432']\n    networks: [back]\n    # PostgreSQL ends",
      'postgres publishes a port',
    ],
    [
      'no health check',
      / {4}healthcheck:\n {6}test: \[CMD, redis-cli, ping\]\n.*\n.*\n.*\n/,
      '',
      'redis has no health check',
    ],
    [
      'a wrong start order',
      'migrate: { condition: service_completed_successfully }',
      'migrate: { condition: service_started }',
      'server-b does not wait until what it needs is healthy',
    ],
    [
      'servers before the schema',
      '    migrate: { condition: service_completed_successfully }\n',
      '',
      'server-a starts before the schema, the database or Redis',
    ],
    [
      'a short stop',
      'stop_grace_period: 45s',
      'stop_grace_period: 10s',
      'server-a is killed before its orderly stop ends',
    ],
    [
      'a secret in the environment',
      'redis://redis:6379/0',
      'redis://:hunter2@redis:6379/0',
      'server-a has the secret REDIS_URL in its environment',
    ],
    ['a secret from elsewhere', '/run/secrets/kek', '/etc/kek', 'server-a has LATCHKEY_KEK_FILE outside /run/secrets'],
    ['an inline secret', '{ file: ./secrets/kek }', '{ environment: KEK }', 'the secret kek is no file in secrets'],
    [
      'a network that does not exist',
      '    networks: [back]\n    # PostgreSQL ends',
      '    networks: [rear]\n    # PostgreSQL ends',
      'postgres is in the network rear, which does not exist',
    ],
    ['an open network', '    internal: true\n', '', 'the network back has a way out'],
  ])('with %s is refused', (_, old, replacement, sentence) => {
    expect(composeFaults(readCompose(plant(old, replacement)))).toContain(sentence);
  });

  it('with a repeated key is refused', () => {
    expect(() => readCompose(plant('    mem_limit: 1g\n', '    mem_limit: 1g\n    mem_limit: 2g\n'))).toThrow(/unique/);
  });
});
