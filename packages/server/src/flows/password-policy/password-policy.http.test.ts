import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPasswordFilter } from '#domain/passwords/index.ts';
import { Application } from '#test/support/application.ts';
import { register, uniqueEmail } from '#test/support/user-actions.ts';

const noComposition = { requiredClasses: [], maxRepeats: null, minEntropyBits: null };

let folder: string;
let filter: string;
let app: Application;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-policy-'));
  filter = join(folder, 'list.filter');
  await writeFile(join(folder, 'list'), 'a well known sentence\n');
  await buildPasswordFilter(join(folder, 'list'), filter);
  app = await Application.open();
});

afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true, force: true });
});

/** Registers with each password and reads the policy, under the given settings. */
async function applyPolicy(env: Readonly<Record<string, string>>, passwords: readonly string[]) {
  const other = await Application.open({ deploymentOf: app, env });
  const outcomes: unknown[] = [];
  for (const password of passwords) {
    const { status, errors } = await register(other, uniqueEmail(), { password });
    outcomes.push([status, ...errors.map(({ path, code }) => `${path} ${code}`)]);
  }
  const { data } = await other.send('GET', '/api/v1/auth/password-policy');
  await other.close();
  return { outcomes, policy: data };
}

describe('GET /api/v1/auth/password-policy', () => {
  it('200 with the default profile, without authentication', async () => {
    const response = await app.send('GET', '/api/v1/auth/password-policy');
    expect(response.status).toBe(200);
    expect(response.data).toEqual({
      profile: 'standard',
      minLength: 12,
      maxLength: 128,
      ...noComposition,
      breachCheck: false,
    });
  });

  it('200 with the profile nist, which registrations then obey', async () => {
    const { outcomes, policy } = await applyPolicy({ LATCHKEY_PASSWORD_PROFILE: 'nist' }, [
      'SecurePass123!',
      'nothing but words',
    ]);
    expect(policy).toEqual({ profile: 'nist', minLength: 15, maxLength: 128, ...noComposition, breachCheck: false });
    expect(outcomes).toEqual([[422, '/password too_short'], [201]]);
  });

  it('200 with the profile composition, which registrations then obey', async () => {
    const { outcomes, policy } = await applyPolicy({ LATCHKEY_PASSWORD_PROFILE: 'composition' }, [
      'SecurePass123!',
      'nothing but words',
      'Aaaaa 1111 bbbb!',
    ]);
    expect(policy).toEqual({
      profile: 'composition',
      minLength: 12,
      maxLength: 128,
      requiredClasses: ['lowercase', 'uppercase', 'digit', 'special'],
      maxRepeats: 3,
      minEntropyBits: 50,
      breachCheck: false,
    });
    expect(outcomes).toEqual([
      [201],
      [422, '/password missing_uppercase', '/password missing_digit'],
      [422, '/password repeated_characters', '/password too_weak'],
    ]);
  });

  it('200 with breachCheck, and registrations with breached passwords are rejected', async () => {
    const { outcomes, policy } = await applyPolicy({ LATCHKEY_PASSWORD_FILTER: filter }, [
      'a well known sentence',
      'A well known sentence',
    ]);
    expect(policy).toMatchObject({ profile: 'standard', breachCheck: true });
    expect(outcomes).toEqual([[422, '/password breached'], [201]]);
  });
});

it.each([
  [{ LATCHKEY_PASSWORD_FILTER: '/no/such/file' }, /^LATCHKEY_PASSWORD_FILTER: The password filter .* cannot be read/],
  [
    { LATCHKEY_PASSWORD_BREACH_URL: 'https://10.0.0.1/range' },
    /^LATCHKEY_PASSWORD_BREACH_URL has an address that is not public/,
  ],
])('a server does not start with %j', async (env, sentence) => {
  await expect(Application.open({ deploymentOf: app, env })).rejects.toThrow(sentence);
});
