import { setTimeout as pause } from 'node:timers/promises';
import { Client as Database } from 'pg';
import { eventually } from '#test/support/wait.ts';
import { type Client, client, dataOf } from '../../../../e2e/support/client.ts';
import { tokenOf } from '../../../../e2e/support/inbox.ts';
import { type RunningWorker, type ServerOptions, startServer, startWorker } from '../../../../e2e/support/server.ts';
import { type SinkLine, type SmtpSink, startSmtpSink } from '../../../../e2e/support/smtp-sink.ts';
import { chanceOf } from './chance.ts';
import { compareBooks, type LedgerEntry, readLedger } from './mail-books.ts';

/** How hard the mail is tried. */
export type MailTrial = {
  readonly registrations: number;
  /** How often the worker is ended by SIGKILL. */
  readonly kills: number;
  /** The SMTP server refuses each attempt whose number is a multiple of it. */
  readonly refuseEvery: number;
  readonly seed: number;
};

/** What came of it. */
export type MailReport = {
  readonly registered: number;
  /** Attempts that the SMTP server saw to their end. */
  readonly deliveries: number;
  readonly refusals: number;
  readonly kills: number;
  /** Addresses without a verification mail that works. */
  readonly lost: readonly string[];
  /** Messages received more than once. */
  readonly duplicates: number;
  /** Kills × sends in flight. */
  readonly duplicatesAllowed: number;
  readonly inDoubt: number;
  /** One sentence for everything that does not hold. */
  readonly faults: readonly string[];
};

/** LATCHKEY_JOB_CONCURRENCY of the worker: no more sends than this are in flight when it dies. */
const sendsInFlight = 8;
const registrationsAtOnce = 8;
const password = 'the right password of all';

/** Registers while the worker is killed again and again, waits until the mail is quiet, and reads both books. */
export async function runMailTrial(url: string, trial: MailTrial): Promise<MailReport> {
  const sink = await startSmtpSink({ refuseEvery: trial.refuseEvery });
  const options = mailOptions(url, sink);
  const server = await startServer({ ...options, parameters: ['--no-jobs'] });
  const database = new Database({ connectionString: url });
  await database.connect();
  try {
    const node = client(server.url);
    const addresses = Array.from({ length: trial.registrations }, (_, index) => `mail-${index + 1}@example.com`);
    const [worker] = await Promise.all([killAgainAndAgain(options, sink, trial), registerAll(node, addresses)]);
    await untilQuiet(database, 120_000 + trial.registrations * 100);
    await worker.stop();
    const ledger = await readLedger(database);
    const lost = await findLost(node, sink, addresses);
    return judge({ trial, sink, ledger, lost });
  } finally {
    await database.end();
    await server.stop();
    await sink.close();
  }
}

/** What the exact kill showed, from both sides. */
export type ExactKill = {
  readonly deliveries: readonly SinkLine[];
  readonly entry: LedgerEntry | undefined;
};

/** A worker that dies when the SMTP server has answered 250 and before that is written down. */
export async function runExactKill(url: string): Promise<ExactKill> {
  const sink = await startSmtpSink();
  const options = mailOptions(url, sink);
  const server = await startServer({ ...options, parameters: ['--no-jobs'] });
  const database = new Database({ connectionString: url });
  await database.connect();
  try {
    const first = await startWorker({ ...options, env: { ...options.env, LATCHKEY_FAULT_POINT: 'mail.after_accept' } });
    dataOf(await client(server.url).register({ email: 'exact@example.com', password }));
    await eventually(first.hasEnded, { what: 'the worker has died at the fault point', timeoutMs: 20_000 });
    // It has ended already; this tidies its directory.
    await first.kill9();
    const second = await startWorker(options);
    await untilQuiet(database, 120_000);
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
    publicUrl: 'http://localhost:3000',
    env: { LATCHKEY_JOB_CONCURRENCY: String(sendsInFlight) },
  };
}

async function registerAll(node: Client, addresses: readonly string[]): Promise<void> {
  const waiting = addresses.values();
  const registerRest = async (): Promise<void> => {
    for (const email of waiting) {
      dataOf(await node.register({ email, password }));
    }
  };
  await Promise.all(Array.from({ length: registrationsAtOnce }, registerRest));
}

/** Kills at points spread over the expected number of attempts, each a few milliseconds after it was reached. */
async function killAgainAndAgain(options: ServerOptions, sink: SmtpSink, trial: MailTrial): Promise<RunningWorker> {
  const chance = chanceOf(trial.seed);
  let worker = await startWorker(options);
  for (let kill = 1; kill <= trial.kills; kill += 1) {
    const point = Math.floor((kill * trial.registrations) / (trial.kills + 1));
    await eventually(() => sink.lines.length >= point, { what: `attempt ${point} was made`, timeoutMs: 120_000 });
    await pause(chance.between(0, 20));
    await worker.kill9();
    worker = await startWorker(options);
  }
  return worker;
}

/**
 * Waits until every promised mail has been sent or given up.
 * The back-off between attempts is up to hours, so whatever waits for it is made due; leases of dead workers run out.
 */
async function untilQuiet(database: Database, timeoutMs: number): Promise<void> {
  const isManual = async (): Promise<boolean> => {
    await database.query(`update jobs set run_at = created_at where kind = 'mail.send' and leased_by is null`);
    const answer = await database.query<{ waiting: string }>(
      `select count(*) as waiting from mail_ledger where state = 'queued'`,
    );
    return answer.rows[0]?.waiting === '0';
  };
  await eventually(isManual, { what: 'no mail is waiting', timeoutMs });
}

/** Presses every link: a mail that does not verify its address is as good as lost. */
async function findLost(node: Client, sink: SmtpSink, addresses: readonly string[]): Promise<string[]> {
  const lost: string[] = [];
  for (const email of addresses) {
    const link = sink.acceptedFor(email).flatMap((line) => line.links)[0];
    const answer = link === undefined ? undefined : await node.verify(tokenOf(new URL(link)));
    if (answer?.ok !== true) lost.push(email);
  }
  return lost;
}

type Evidence = {
  readonly trial: MailTrial;
  readonly sink: SmtpSink;
  readonly ledger: readonly LedgerEntry[];
  readonly lost: readonly string[];
};

function judge({ trial, sink, ledger, lost }: Evidence): MailReport {
  const accepted = sink.lines.filter(({ verdict }) => verdict === 'accepted');
  const repeated = [...Map.groupBy(accepted, ({ to }) => to).values()].filter(({ length }) => length > 1);
  const duplicates = accepted.length - new Set(accepted.map(({ to }) => to)).size;
  const duplicatesAllowed = trial.kills * sendsInFlight;
  const faults = [
    ...lost.map((email) => `${email} has no mail that works`),
    ...repeated.flatMap((lines) => checkRepeated(lines, ledger)),
    ...compareBooks(ledger, sink.lines),
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
  const different = lines.filter((line) => line.messageId !== first.messageId || line.links[0] !== first.links[0]);
  if (different.length > 0) faults.push(`${first.to} got two different messages`);
  const entry = ledger.find(({ messageId }) => messageId === first.messageId);
  const doubts = entry?.outcomes.filter((outcome) => outcome === 'in_doubt').length ?? 0;
  if (doubts < lines.length - 1) faults.push(`${first.to} got ${lines.length} copies, and the ledger doubts ${doubts}`);
  return faults;
}
