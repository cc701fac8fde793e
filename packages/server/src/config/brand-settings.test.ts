import { describe, expect, it } from 'vitest';
import { type Config, loadConfig } from './index.ts';

function load(env: Readonly<Record<string, string>>) {
  return loadConfig({ env, cwd: '/srv', files: () => ({ kind: 'absent' }) });
}

async function loaded(env: Readonly<Record<string, string>>): Promise<Config> {
  const result = await load(env);
  if (result.kind === 'invalid') throw new Error(result.mistakes.join('\n'));
  return result.config;
}

async function mistakes(env: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const result = await load(env);
  return result.kind === 'invalid' ? result.mistakes : [];
}

describe('the brand', () => {
  it('has the name of the public host, and a sender of that name', async () => {
    const { brand, mail, passkeys } = await loaded({ LATCHKEY_PUBLIC_URL: 'https://auth.example.com' });
    expect(brand).toMatchObject({ name: 'auth.example.com', theme: { accent: '#0f766e', radius: 10, scheme: 'auto' } });
    expect([mail.from.name, passkeys.name]).toEqual(['auth.example.com', 'auth.example.com']);
  });

  it('gives its name to passkeys, and to a sender without one', async () => {
    const env = { LATCHKEY_SERVICE_NAME: ' Acme ', LATCHKEY_MAIL_FROM: 'post@acme.example' };
    const { brand, mail, passkeys } = await loaded(env);
    expect([brand.name, mail.from.name, passkeys.name]).toEqual(['Acme', 'Acme', 'Acme']);
    expect((await loaded({ ...env, LATCHKEY_MAIL_FROM: 'Post <post@acme.example>' })).mail.from.name).toBe('Post');
  });

  it('reads the files that it names from the working directory', async () => {
    const env = { LATCHKEY_BRAND_LOGO: 'logo.svg', LATCHKEY_BRAND_LOGO_DARK: '/etc/dark.svg', LATCHKEY_TEXTS: 'texts' };
    expect((await loaded(env)).brand).toMatchObject({
      logo: '/srv/logo.svg',
      logoDark: '/etc/dark.svg',
      texts: '/srv/texts',
    });
  });

  it('refuses each unusable value in a sentence', async () => {
    expect(
      (
        await mistakes({
          LATCHKEY_SERVICE_NAME: 'A\nB',
          LATCHKEY_BRAND_ACCENT: 'teal',
          LATCHKEY_BRAND_RADIUS: '21',
          LATCHKEY_BRAND_SCHEME: 'sepia',
          LATCHKEY_BRAND_LINKS: 'help=http://acme.example',
        })
      ).map((mistake) => mistake.split(' ')[0]),
    ).toEqual([
      'LATCHKEY_SERVICE_NAME',
      'LATCHKEY_BRAND_ACCENT',
      'LATCHKEY_BRAND_RADIUS',
      'LATCHKEY_BRAND_SCHEME',
      'LATCHKEY_BRAND_LINKS',
    ]);
  });
});
