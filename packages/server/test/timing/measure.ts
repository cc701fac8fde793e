/** Runs the timing trial on a server process with production settings: real hash, HTTP, mail by SMTP. */
import { rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { wire } from '#app/wiring.ts';
import { loadConfig } from '#config/index.ts';
import { createLogger } from '#platform/telemetry/index.ts';
import { loginMethodsEnabled } from '#test/support/login-by-mail.ts';
import { eventually } from '#test/support/wait.ts';
import { makeDirectory, type ServerOptions, settingsOf, startServer } from '../../../../e2e/support/server.ts';
import { startSmtpSink } from '../../../../e2e/support/smtp-sink.ts';
import { addUsers } from './states.ts';
import { type ObservedResponse, registerUnverified, type SendRequest, TimingTrial, usersFor } from './trial.ts';

/** The product's own hash parameters; other tests use smaller ones. */
const productionHash = { LATCHKEY_ARGON2_MEMORY_KIB: undefined, LATCHKEY_ARGON2_TIME: undefined };

/** Takes `samples` samples of each state for each operation over one keep-alive connection. */
export async function measure(database: ServerOptions['database'], samples: number): Promise<TimingTrial> {
  const sink = await startSmtpSink();
  const dataDirectory = makeDirectory();
  const publicUrl = 'http://localhost:5625';
  const options = {
    database,
    dataDirectory,
    smtpUrl: sink.url,
    publicUrl,
    env: { ...productionHash, ...loginMethodsEnabled },
  };
  try {
    const users = usersFor(samples);
    await prepareUsers(options, dataDirectory, users);
    const server = await startServer(options);
    const connection = new Agent({ keepAlive: true, maxSockets: 1 });
    try {
      const send = sendOver(connection, server.url);
      await registerUnverified(send, users);
      await eventually(() => sink.lines.length === users, { what: 'the mails arrive', timeoutMs: 60_000 });
      const trial = new TimingTrial(send);
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

/** Runs before the server starts, because only one process can open the embedded database. */
async function prepareUsers(options: ServerOptions, dataDirectory: string, count: number): Promise<void> {
  const settings = settingsOf(options, dataDirectory, 0);
  const env = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  const loaded = await loadConfig({ env, files: () => ({ kind: 'absent' }), cwd: import.meta.dirname });
  if (loaded.kind === 'invalid') throw new Error(loaded.mistakes.join('\n'));
  const services = await wire(loaded.config, {
    logger: createLogger({ level: 'silent', service: 'timing', version: '0' }),
  });
  try {
    await addUsers(services, count);
  } finally {
    await services.close();
  }
}

function sendOver(agent: Agent, url: string): SendRequest {
  return (path, content) => {
    const { promise, resolve, reject } = Promise.withResolvers<ObservedResponse>();
    const body = Buffer.from(content.body);
    const headers = { ...content.headers, 'content-length': body.length };
    const sent = request(url + path, { agent, method: 'POST', headers }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString('utf8') }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
    return promise;
  };
}
