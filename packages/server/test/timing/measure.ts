/** The trial on a server in a process of its own, as it is shipped: the real hash, HTTP, mails by SMTP. */
import { rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { wire } from '#app/wiring.ts';
import { loadConfig } from '#config/index.ts';
import { createLogger } from '#platform/telemetry/index.ts';
import { eventually } from '#test/support/wait.ts';
import { makeDirectory, type ServerOptions, settingsOf, startServer } from '../../../../e2e/support/server.ts';
import { startSmtpSink } from '../../../../e2e/support/smtp-sink.ts';
import { addPeople } from './states.ts';
import { type Ask, peopleFor, registerUnverified, type Seen, TimingTrial } from './trial.ts';

/** The product's own parameters of the hash, which tests of other things make smaller. */
const realHash = { LATCHKEY_ARGON2_MEMORY_KIB: undefined, LATCHKEY_ARGON2_TIME: undefined };

/** Takes so many samples of each state for each operation, by one connection that stays open. */
export async function measure(database: ServerOptions['database'], samples: number): Promise<TimingTrial> {
  const sink = await startSmtpSink();
  const dataDirectory = makeDirectory();
  const publicUrl = 'http://localhost:3000';
  const options = { database, dataDirectory, smtpUrl: sink.url, publicUrl, env: realHash };
  try {
    const people = peopleFor(samples);
    await preparePeople(options, dataDirectory, people);
    const server = await startServer(options);
    const connection = new Agent({ keepAlive: true, maxSockets: 1 });
    try {
      const ask = askOver(connection, server.url);
      await registerUnverified(ask, people);
      await eventually(() => sink.lines.length === people, { what: 'their mails have arrived', timeoutMs: 60_000 });
      const trial = new TimingTrial(ask);
      await trial.take(samples);
      return trial;
    } finally {
      connection.destroy();
      await server.stop();
    }
  } finally {
    await sink.close();
    rmSync(dataDirectory, { recursive: true, force: true });
  }
}

/** Before the server starts, because the embedded database is open in one process at a time. */
async function preparePeople(options: ServerOptions, dataDirectory: string, count: number): Promise<void> {
  const settings = settingsOf(options, dataDirectory, 0);
  const env = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  const loaded = loadConfig({ env, files: () => ({ kind: 'absent' }), cwd: import.meta.dirname });
  if (loaded.kind === 'invalid') throw new Error(loaded.mistakes.join('\n'));
  const services = await wire(loaded.config, {
    logger: createLogger({ level: 'silent', service: 'timing', version: '0' }),
  });
  try {
    await addPeople(services, count);
  } finally {
    await services.close();
  }
}

function askOver(agent: Agent, url: string): Ask {
  return (path, json) => {
    const { promise, resolve, reject } = Promise.withResolvers<Seen>();
    const body = Buffer.from(JSON.stringify(json));
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const sent = request(url + path, { agent, method: 'POST', headers }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(parts).toString('utf8') }));
    });
    sent.on('error', reject);
    sent.end(body);
    return promise;
  };
}
