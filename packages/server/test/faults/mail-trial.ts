import { setTimeout as pause } from 'node:timers/promises';
import { Client as Database } from 'pg';
import { eventually } from '#test/support/wait.ts';
import { type Client, client, dataOf } from '../../../../e2e/support/client.ts';
import { tokenOf } from '../../../../e2e/support/inbox.ts';
import { type RunningWorker, type ServerOptions, startServer, startWorker } from '../../../../e2e/support/server.ts';
import { type SinkLine, type SmtpSink, startSmtpSink } from '../../../../e2e/support/smtp-sink.ts';
import { endLeases } from './ended-leases.ts';
import { type LedgerEntry, readLedger, reconcile } from './mail-reconciliation.ts';
import { seededRandom } from './seeded-random.ts';

export type MailTrial = {
  readonly registrations: number;
  /** How often the worker gets SIGKILL. */
  readonly kills: number;
  /** The SMTP server rejects every attempt whose number is a multiple of this. */
  readonly refuseEvery: number;
  readonly seed: number;
  /** Ends the leases of each killed worker at once. */
  readonly isHurried?: true;
};

export type MailReport = {
  readonly registered: number;
  /** Attempts that the SMTP server accepted. */
  readonly deliveries: number;
  readonly refusals: number;
  readonly kills: number;
  /** Addresses without a working verification mail. */
  readonly lost: readonly string[];
  /** Messages received more than once. */
  readonly duplicates: number;
  /** Kills × concurrent sends. */
  readonly duplicatesAllowed: number;
  readonly inDoubt: number;
  /** One sentence for each violation. */
  readonly faults: readonly string[];
};

/** LATCHKEY_JOB_CONCURRENCY of the worker: at most this many sends are in progress when it is killed. */
const concurrentSends = 8;
const concurrentRegistrations = 8;
const password = 'the right password of all';

/**
 * Registers users while the worker is killed repeatedly, waits until no mail is queued, and compares ledger and SMTP
 * log.
 */
export async function runMailTrial(url: string, trial: MailTrial): Promise<MailReport> {
  const sink = await startSmtpSink({ refuseEvery: trial.refuseEvery });
  const options = mailOptions(url, sink);
  const server = await startServer({ ...options, parameters: ['--no-jobs'] });
  const database = new Database({ connectionString: url });
  await database.connect();
  try {
    const node = client(server.url);
    const addresses = Array.from({ length: trial.registrations }, (_, index) => `mail-${index + 1}@example.com`);
    const killing = killRepeatedly(options, sink, database, trial);
    const [worker] = await Promise.all([killing, registerAll(node, addresses)]);
    await awaitIdle(database, 120_000 + trial.registrations * 100);
    await worker.stop();
    const ledger = await readLedger(database);
    const lost = await findLost(node, sink, addresses);
    return evaluate({ trial, sink, ledger, lost });
  } finally {
    await database.end();
    await server.stop();
    await sink.close();
  }
}

/** The ledger and the SMTP log after the exact kill. */
export type ExactKill = {
  readonly deliveries: readonly SinkLine[];
  readonly entry: LedgerEntry | undefined;
};

/** A worker that is killed after it received the 250 and before it records it. */
export async function runExactKill(url: string, { isHurried = false } = {}): Promise<ExactKill> {
  const sink = await startSmtpSink();
  const options = mailOptions(url, sink);
  const server = await startServer({ ...options, parameters: ['--no-jobs'] });
  const database = new Database({ connectionString: url });
  await database.connect();
  try {
    const first = await startWorker({ ...options, env: { ...options.env, LATCHKEY_FAULT_POINT: 'mail.after_accept' } });
    dataOf(await client(server.url).register({ email: 'exact@example.com', password }));
    await eventually(first.hasExited, { what: 'the worker is killed at the fault point', timeoutMs: 20_000 });
    // The worker has ended; this deletes its directory.
    await first.kill9();
    if (isHurried) await endLeases(database);
    const second = await startWorker(options);
    await awaitIdle(database, 120_000);
    await second.stop();
    const [entry] = await readLedger(database);
    return { deliveries: sink.acceptedFor('exact@example.com'), entry };
  } finally {
    await database.end();
    await server.stop();
    await sink.close();
  }
}

function mailOptions(url: string, sink: SmtpSink): ServerOptions {
  return {
    database: url,
    smtpUrl: sink.url,
    publicUrl: 'http://localhost:5625',
    env: { LATCHKEY_JOB_CONCURRENCY: String(concurrentSends) },
  };
}

async function registerAll(node: Client, addresses: readonly string[]): Promise<void> {
  const remaining = addresses.values();
  const registerRemaining = async (): Promise<void> => {
    for (const email of remaining) {
      dataOf(await node.register({ email, password }));
    }
  };
  await Promise.all(Array.from({ length: concurrentRegistrations }, registerRemaining));
}

/** Kills at points spread over the expected number of attempts, each a few milliseconds later. */
async function killRepeatedly(
  options: ServerOptions,
  sink: SmtpSink,
  database: Database,
  trial: MailTrial,
): Promise<RunningWorker> {
  const random = seededRandom(trial.seed);
  let worker = await startWorker(options);
  for (let kill = 1; kill <= trial.kills; kill += 1) {
    const point = Math.floor((kill * trial.registrations) / (trial.kills + 1));
    await eventually(() => sink.lines.length >= point, { what: `attempt ${point} was made`, timeoutMs: 120_000 });
    await pause(random.between(0, 20));
    await worker.kill9();
    if (trial.isHurried) await endLeases(database);
    worker = await startWorker(options);
  }
  return worker;
}

/**
 * Waits until every enqueued mail is sent or abandoned.
 * The back-off between attempts lasts up to hours, so waiting jobs are made due; leases of killed workers expire.
 */
async function awaitIdle(database: Database, timeoutMs: number): Promise<void> {
  const isIdle = async (): Promise<boolean> => {
    await database.query(`update jobs set run_at = created_at where kind = 'mail.send' and leased_by is null`);
    const result = await database.query<{ remaining: string }>(
      `select count(*) as remaining from mail_ledger where state = 'queued'`,
    );
    return result.rows[0]?.remaining === '0';
  };
  await eventually(isIdle, { what: 'no mail is queued', timeoutMs });
}

/** Consumes every link: a mail whose link does not verify the address counts as lost. */
async function findLost(node: Client, sink: SmtpSink, addresses: readonly string[]): Promise<string[]> {
  const lost: string[] = [];
  for (const email of addresses) {
    const link = sink.acceptedFor(email).flatMap((line) => line.links)[0];
    const result = link === undefined ? undefined : await node.verify(tokenOf(new URL(link)));
    if (result?.ok !== true) lost.push(email);
  }
  return lost;
}

type Evidence = {
  readonly trial: MailTrial;
  readonly sink: SmtpSink;
  readonly ledger: readonly LedgerEntry[];
  readonly lost: readonly string[];
};

function evaluate({ trial, sink, ledger, lost }: Evidence): MailReport {
  const accepted = sink.lines.filter(({ verdict }) => verdict === 'accepted');
  const repeated = [...Map.groupBy(accepted, ({ to }) => to).values()].filter(({ length }) => length > 1);
  const duplicates = accepted.length - new Set(accepted.map(({ to }) => to)).size;
  const duplicatesAllowed = trial.kills * concurrentSends;
  const faults = [
    ...lost.map((email) => `${email} has no working mail`),
    ...repeated.flatMap((lines) => checkRepeated(lines, ledger)),
    ...reconcile(ledger, sink.lines),
  ];
  if (duplicates > duplicatesAllowed) faults.push(`${duplicates} duplicates, ${duplicatesAllowed} are allowed`);
  return {
    registered: trial.registrations,
    deliveries: accepted.length,
    refusals: sink.lines.length - accepted.length,
    kills: trial.kills,
    lost,
    duplicates,
    duplicatesAllowed,
    inDoubt: ledger.flatMap(({ outcomes }) => outcomes).filter((outcome) => outcome === 'in_doubt').length,
    faults,
  };
}

function checkRepeated(lines: readonly SinkLine[], ledger: readonly LedgerEntry[]): string[] {
  const [first] = lines;
  if (first === undefined) return [];
  const faults: string[] = [];
  const differing = lines.filter((line) => line.messageId !== first.messageId || line.links[0] !== first.links[0]);
  if (differing.length > 0) faults.push(`${first.to} received two different messages`);
  const entry = ledger.find(({ messageId }) => messageId === first.messageId);
  const inDoubtCount = entry?.outcomes.filter((outcome) => outcome === 'in_doubt').length ?? 0;
  if (inDoubtCount < lines.length - 1)
    faults.push(`${first.to} received ${lines.length} copies, but the ledger has ${inDoubtCount} in doubt`);
  return faults;
}
