/** Logins in this process, with the product's own hash, while the last-seen times of many sessions are written. */
import { rmSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { publicEndpoints } from '#app/endpoints.ts';
import { openReadiness } from '#app/readiness-checks.ts';
import { serverOf } from '#app/running.ts';
import { type Services, wire } from '#app/wiring.ts';
import { loadConfig } from '#config/index.ts';
import { createUser } from '#flows/admin-users/index.ts';
import { addSeconds } from '#kernel/clock.ts';
import { migrateUp, statement } from '#platform/database/index.ts';
import type { HttpServer } from '#platform/http/index.ts';
import { Inbox } from '#platform/mail/index.ts';
import { createLogger } from '#platform/telemetry/index.ts';
import { makeDirectory, settingsOf } from '../../../../e2e/support/server.ts';
import { operator } from '../support/operator.ts';
import { serverAt } from '../support/parsed.ts';
import { copySessions } from '../support/thousands.ts';
import { validPassword } from '../support/user-actions.ts';

/** The product's own hash parameters; other tests use smaller ones. */
const productionHash = { LATCHKEY_ARGON2_MEMORY_KIB: undefined, LATCHKEY_ARGON2_TIME: undefined };

const countWritten = statement('last_seen_trial.count_written', {
  lane: 'pool',
  sql: `select count(*) as written from sessions where id = any(:ids) and last_seen_at >= :since`,
  params: { ids: 'uuid[]', since: 'timestamptz' },
  columns: { written: 'int8' },
});

export interface TrialSize {
  readonly sessions: number;
  /** Users that log in. From 75 sessions of a user a login has a third statement, so each logs in less often. */
  readonly users: number;
}

export class LastSeenTrial {
  readonly #services: Services;
  readonly #server: HttpServer;
  readonly #dataDirectory: string;
  readonly #emails: readonly string[];
  readonly #sessionIds: readonly string[];
  #logins = 0;
  #noted: Date;

  private constructor(services: Services, server: HttpServer, dataDirectory: string, size: Prepared) {
    this.#services = services;
    this.#server = server;
    this.#dataDirectory = dataDirectory;
    this.#emails = size.emails;
    this.#sessionIds = size.sessionIds;
    this.#noted = services.clock.now();
  }

  /** Adds the users and sessions to an empty database. */
  static async open(databaseUrl: string, size: TrialSize): Promise<LastSeenTrial> {
    await migrateUp(serverAt(databaseUrl));
    const dataDirectory = makeDirectory();
    const settings = settingsOf({ database: databaseUrl, env: productionHash }, dataDirectory, 5625);
    const env = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
    const loaded = await loadConfig({ env, files: () => ({ kind: 'absent' }), cwd: import.meta.dirname });
    if (loaded.kind === 'invalid') throw new Error(loaded.mistakes.join('\n'));
    const logger = createLogger({ level: 'silent', service: 'last-seen', version: '0' });
    const services = await wire(loaded.config, { logger });
    const readiness = openReadiness(services, () => undefined);
    const deps = { readiness, inbox: new Inbox(), betweenJobs: () => Promise.resolve() };
    const server = await serverOf(services, publicEndpoints(services, deps));
    await services.revocations.start();
    return new LastSeenTrial(services, server, dataDirectory, await prepare(services, server, size));
  }

  /** Notes that every session was used, three minutes after the last call, so that every time is due. */
  noteAll(): void {
    this.#noted = addSeconds(this.#noted, 180);
    for (const id of this.#sessionIds) this.#services.lastSeen.note(id, this.#noted);
  }

  startTimer(): void {
    this.#services.lastSeen.start();
  }

  flush(): Promise<void> {
    return this.#services.lastSeen.flush();
  }

  /** The number of sessions whose newest noted time is stored. */
  async written(): Promise<number> {
    const row = await this.#services.database.row(countWritten, { ids: [...this.#sessionIds], since: this.#noted });
    return row?.written ?? 0;
  }

  /** Logs in every `everyMs` for `forMs`, and returns the milliseconds that each login took. */
  async logins(everyMs: number, forMs: number): Promise<number[]> {
    const taken: Promise<number>[] = [];
    const startedMs = performance.now();
    for (let dueMs = startedMs; dueMs < startedMs + forMs; dueMs += everyMs) {
      await pause(Math.max(0, dueMs - performance.now()));
      taken.push(timedLogin(this.#server, this.#nextEmail(), performance.now()));
    }
    return Promise.all(taken);
  }

  async close(): Promise<void> {
    await this.#server.close({ graceMs: 0 });
    await this.#services.revocations.stop();
    await this.#services.lastSeen.stop();
    await this.#services.close();
    rmSync(this.#dataDirectory, { recursive: true, force: true });
  }

  #nextEmail(): string {
    this.#logins += 1;
    return this.#emails[this.#logins % this.#emails.length] ?? '';
  }
}

interface Prepared {
  readonly emails: readonly string[];
  readonly sessionIds: readonly string[];
}

async function prepare(services: Services, server: HttpServer, size: TrialSize): Promise<Prepared> {
  const emails = Array.from({ length: size.users }, (_, number) => `person.${number}@people.example`);
  for (const email of emails) {
    const user = { email: { asTyped: email, canonical: email }, name: 'Ada Lovelace', locale: 'en', roles: [] };
    const created = await createUser(services, operator, { ...user, password: validPassword });
    if (created.kind !== 'created') throw new Error(`${email} is taken`);
  }
  // Their owner does not log in again: each login would end the sessions beyond a hundred.
  const owner = emails.shift() ?? '';
  const { data } = (await (await login(server, owner)).json()) as { readonly data: { readonly sessionId: string } };
  const copies = await copySessions(services.database, data.sessionId, size.sessions - 1);
  return { emails, sessionIds: [data.sessionId, ...copies] };
}

async function timedLogin(server: HttpServer, email: string, startedMs: number): Promise<number> {
  const response = await login(server, email);
  await response.arrayBuffer();
  if (response.status !== 200) throw new Error(`a login returned ${response.status}`);
  return performance.now() - startedMs;
}

function login(server: HttpServer, email: string): Promise<Response> {
  const request = new Request('http://localhost:5625/api/v1/auth/login', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password: validPassword }),
  });
  return server.fetch(request, { peerAddress: '127.0.0.1' });
}
