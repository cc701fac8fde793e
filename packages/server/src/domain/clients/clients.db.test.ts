import { describe, expect, it } from 'vitest';
import { addSeconds, systemClock } from '#kernel/clock.ts';
import { type Database, statement } from '#platform/database/index.ts';
import { countRoundTrips, describeOnBothDatabases } from '#test/support/databases.ts';
import { Clients, defaultClientId, maxAccessTokenLifetimeSeconds, sessionExpiries, setClientOrigins } from './index.ts';

const configure = statement('clients_test.configure', {
  lane: 'pool',
  sql: `update clients set audience = 'https://api.example', refresh_grace_seconds = 0 where id = 'default'`,
  params: {},
  columns: {},
});

const setLifetime = statement('clients_test.set_lifetime', {
  lane: 'pool',
  sql: 'update clients set access_token_lifetime_seconds = :seconds',
  params: { seconds: 'int4' },
  columns: {},
});

const insert = statement('clients_test.insert', {
  lane: 'pool',
  sql: `insert into clients (id, kind, name, created_at) values ('mobile', 'first_party', 'Mobile', :now)`,
  params: { now: 'timestamptz' },
  columns: {},
});

const remove = statement('clients_test.remove', {
  lane: 'pool',
  sql: `delete from clients where id = 'mobile'`,
  params: {},
  columns: {},
});

describeOnBothDatabases('clients', (database) => {
  const defaultOf = (clients: Clients) => clients.byId(defaultClientId);
  const settings = { clock: systemClock, issuer: 'https://login.example' };
  const open = () => new Clients({ ...settings, database: database() });

  it('have a default from the first start, also when nodes start concurrently', async () => {
    const nodes = Array.from({ length: 5 }, open);
    await Promise.all(nodes.map((clients) => clients.load()));
    for (const clients of nodes) {
      expect(await defaultOf(clients)).toEqual({
        id: 'default',
        name: 'Default',
        audience: 'https://login.example',
        accessTokenLifetimeSeconds: 900,
        refreshTokenLifetimeSeconds: 604_800,
        refreshGraceSeconds: 10,
        sessionIdleSeconds: 604_800,
        sessionLifetimeSeconds: 2_592_000,
        origins: [],
      });
    }
  });

  it('keep their configuration when the next node starts', async () => {
    await open().load();
    await database().run(configure, {});
    const clients = open();
    await clients.load();
    expect(await defaultOf(clients)).toMatchObject({ audience: 'https://api.example', refreshGraceSeconds: 0 });
  });

  it('list the origins of their pages, which another node applies after its next read', async () => {
    const [here, there] = [open(), open()];
    await Promise.all([here.load(), there.load()]);
    const origins = ['https://app.example', 'capacitor://localhost'];
    await database().transaction((tx) => setClientOrigins(tx, defaultClientId, origins));
    expect(there.isListedOrigin('https://app.example')).toBe(false);
    await there.refresh();
    expect((await defaultOf(there)).origins).toEqual(origins);
    expect(there.isListedOrigin('https://app.example')).toBe(true);
    expect(there.byOrigin('https://app.example')?.id).toBe(defaultClientId);
    expect(there.listedOrigins).toContain('https://app.example');
    expect(there.isListedOrigin('https://other.example')).toBe(false);
    await database().transaction((tx) => setClientOrigins(tx, defaultClientId, []));
    await there.refresh();
    expect(there.isListedOrigin('https://app.example')).toBe(false);
  });

  it('are unknown when no row has the id', async () => {
    const clients = open();
    await clients.load();
    expect(await clients.find('other')).toBeUndefined();
    await expect(clients.byId('other')).rejects.toThrow('client other is missing');
  });

  it('are found at once when another node has just added them, by one read for twenty lookups', async () => {
    const clients = open();
    await clients.load();
    await database().run(insert, { now: systemClock.now() });
    let found: unknown[] = [];
    const roundTrips = await countRoundTrips(database(), async () => {
      found = await Promise.all(Array.from({ length: 20 }, () => clients.find('mobile')));
    });
    expect(found).toEqual(Array.from({ length: 20 }, () => expect.objectContaining({ id: 'mobile' })));
    expect(roundTrips).toEqual(['clients.list']);
    await database().run(remove, {});
  });

  describe('with access tokens that would outlive their revocation', () => {
    it('are rejected by the database, which accepts the longest lifetime', async () => {
      await open().load();
      const set = (seconds: number) => database().run(setLifetime, { seconds });
      await expect(set(maxAccessTokenLifetimeSeconds + 1)).rejects.toThrow('clients_access_token_lifetime_bounded');
      expect(await set(maxAccessTokenLifetimeSeconds)).toBe(1);
      await set(900);
    });

    it('are not loaded', async () => {
      const rows: Database['rows'] = async (statement, values) => {
        const read = await database().rows(statement, values);
        return read.map((row) => ({ ...row, accessTokenLifetimeSeconds: maxAccessTokenLifetimeSeconds + 1 }));
      };
      const clients = new Clients({ ...settings, database: { ...database(), rows } });
      await expect(clients.load()).rejects.toThrow('access tokens of client default live longer than 3600 s');
    });
  });

  it('determine the absolute and the idle expiry of a session', async () => {
    const clients = open();
    await clients.load();
    const now = new Date('2026-03-01T12:00:00.000Z');
    expect(sessionExpiries(await defaultOf(clients), now)).toEqual({
      idleExpiresAt: addSeconds(now, 7 * 24 * 3600),
      expiresAt: addSeconds(now, 30 * 24 * 3600),
    });
  });
});
