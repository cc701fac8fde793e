import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DataDirectory, openDataDirectory } from '#platform/data-directory/index.ts';
import { eventually } from '#test/support/wait.ts';
import { type CommandIo, type CommandListener, listenForCommands, type RunCommand, sendCommand } from './index.ts';
import { linesOf } from './messages.ts';

let root: string;
let directory: DataDirectory;
let listener: CommandListener | undefined;
const failures: unknown[] = [];

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'latchkey-socket-'));
  directory = await openDataDirectory(join(root, 'data'));
});

afterEach(async () => {
  await listener?.close();
  listener = undefined;
  failures.length = 0;
  await directory.release();
  rmSync(root, { recursive: true });
});

async function listen(run: RunCommand, requestTimeoutMs?: number): Promise<void> {
  listener = await listenForCommands({
    directory,
    run,
    onFailure: (error) => failures.push(error),
    ...(requestTimeoutMs === undefined ? {} : { requestTimeoutMs }),
  });
}

/** A client's input and output that records what it gets. */
class Recorder implements CommandIo {
  isTerminal = false;
  columns: number | undefined;
  output = '';
  errors = '';
  prompts: string[] = [];
  secret: string | undefined;
  input: string | undefined;
  out(text: string): void {
    this.output += text;
  }
  err(text: string): void {
    this.errors += text;
  }
  drained(): Promise<void> {
    return Promise.resolve();
  }
  readSecret(prompt: string): Promise<string | undefined> {
    this.prompts.push(prompt);
    return Promise.resolve(this.secret);
  }
  readInput(): Promise<string | undefined> {
    return Promise.resolve(this.input);
  }
}

const socketPath = (): string => join(directory.path, 'control.sock');

async function connectRaw(): Promise<Socket> {
  const socket = connect(socketPath());
  await once(socket, 'connect');
  return socket;
}

async function readAll(stream: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

/** Sends a request by `node:http` alone. */
async function send(path: string, body: string, method = 'POST'): Promise<IncomingMessage> {
  const sent = httpRequest({ socketPath: socketPath(), path, method, agent: false });
  sent.end(method === 'POST' ? body : undefined);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return response;
}

const anyCommand = '{"argv":[],"isTerminal":false}';

describe('sendCommand', () => {
  it('runs the command in the listening process with its arguments, and returns its output in order and its exit code', async () => {
    await listen((argv, io) => {
      io.out(`${JSON.stringify([argv, io.isTerminal, io.columns])}\n`);
      io.err('careful\n');
      io.out('✓ done\n');
      return Promise.resolve(78);
    });
    const io = new Recorder();
    io.isTerminal = true;
    io.columns = 120;
    expect(await sendCommand(directory.path, ['user', 'create', 'a b\n"c"'], io)).toEqual({ kind: 'exit', code: 78 });
    expect(io.output).toBe('[["user","create","a b\\n\\"c\\""],true,120]\n✓ done\n');
    expect(io.errors).toBe('careful\n');
  });

  it('sends a prompt to the client and returns the secret, and standard input', async () => {
    await listen(async (_, io) => {
      const secret = await io.readSecret('Password: ');
      const input = await io.readInput();
      io.out(`${secret} ${input?.length}`);
      return 0;
    });
    const io = new Recorder();
    io.secret = 'correct horse';
    io.input = 'ä'.repeat(1_000_000);
    await sendCommand(directory.path, [], io);
    expect([io.prompts, io.output]).toEqual([['Password: '], 'correct horse 1000000']);
  });

  it.each([
    ['is missing', undefined],
    ['is longer than 1 MB', 'x'.repeat(1024 * 1024)],
  ])('returns undefined to the command when an answer %s', async (_, input) => {
    await listen(async (_argv, io) => ((await io.readInput()) === undefined ? 3 : 0));
    const io = new Recorder();
    io.input = input;
    expect(await sendCommand(directory.path, [], io)).toEqual({ kind: 'exit', code: 3 });
  });

  it('transfers much output completely, with backpressure for the command', async () => {
    const line = `${'x'.repeat(9_999)}\n`;
    await listen(async (_, io) => {
      for (let count = 0; count < 500; count += 1) {
        io.out(line);
        await io.drained();
      }
      return 0;
    });
    const io = new Recorder();
    expect(await sendCommand(directory.path, [], io)).toEqual({ kind: 'exit', code: 0 });
    expect(io.output === line.repeat(500)).toBe(true);
  });

  it('runs several commands at the same time, each with its own output', async () => {
    let arrived = 0;
    await listen(async (argv, io) => {
      arrived += 1;
      await eventually(() => arrived === 8, { what: 'all eight run' });
      io.out(argv.join());
      return Number(argv[0]);
    });
    const numbers = Array.from({ length: 8 }, (_, index) => index);
    const ios = numbers.map(() => new Recorder());
    const outcomes = await Promise.all(ios.map((io, index) => sendCommand(directory.path, [String(index)], io)));
    expect(outcomes).toEqual(numbers.map((code) => ({ kind: 'exit', code })));
    expect(ios.map((io) => io.output)).toEqual(numbers.map(String));
  });

  it('returns 1 without any detail when the command throws', async () => {
    const bug = new Error('a detail');
    await listen(() => Promise.reject(bug));
    const io = new Recorder();
    expect(await sendCommand(directory.path, [], io)).toEqual({ kind: 'exit', code: 1 });
    expect(io.errors).toBe('The command failed unexpectedly: see the log of the running server.\n');
    expect(failures).toEqual([bug]);
  });

  it.each(['no directory', 'no socket', 'a socket whose listener has closed'])(
    'finds no listener: %s',
    async (what) => {
      if (what === 'a socket whose listener has closed') {
        await listen(() => Promise.resolve(0));
        await listener?.close();
      }
      const path = what === 'no directory' ? join(root, 'nothing') : directory.path;
      expect(await sendCommand(path, [], new Recorder())).toEqual({ kind: 'not_running' });
    },
  );

  it('returns `lost` when the server is killed, then `not_running`, and a new server replaces the stale socket', async () => {
    const data = join(root, 'other');
    const server = `
      const { openDataDirectory } = await import(${JSON.stringify(new URL('../data-directory/index.ts', import.meta.url).href)});
      const { listenForCommands } = await import(${JSON.stringify(new URL('index.ts', import.meta.url).href)});
      const directory = await openDataDirectory(process.argv[1]);
      await listenForCommands({ directory, onFailure: console.error, run: () => process.kill(process.pid, 'SIGKILL') });
      process.stdout.write('listening');
    `;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', server, data], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    await once(child.stdout, 'data');
    expect(await sendCommand(data, [], new Recorder())).toEqual({ kind: 'lost' });
    await exited;
    expect(statSync(join(data, 'control.sock')).isSocket()).toBe(true);
    expect(await sendCommand(data, [], new Recorder())).toEqual({ kind: 'not_running' });
    await using next = await openDataDirectory(data);
    await using _ = await listenForCommands({
      directory: next,
      run: () => Promise.resolve(5),
      onFailure: (error) => failures.push(error),
    });
    expect(await sendCommand(data, [], new Recorder())).toEqual({ kind: 'exit', code: 5 });
  });
});

describe('listenForCommands', () => {
  it('creates a socket for our own user only and removes it when it closes', async () => {
    await listen(() => Promise.resolve(0));
    expect(statSync(socketPath()).mode & 0o777).toBe(0o600);
    expect(statSync(directory.path).mode & 0o777).toBe(0o700);
    await listener?.close();
    expect(statSync(socketPath(), { throwIfNoEntry: false })).toBeUndefined();
  });

  it('finishes a command whose client has disconnected', async () => {
    const steps: string[] = [];
    const disconnected = Promise.withResolvers<void>();
    await listen(async (_, io) => {
      steps.push('begun');
      await disconnected.promise;
      io.out('dropped');
      await io.drained();
      steps.push(String(await io.readSecret('Password: ')));
      steps.push('finished');
      return 0;
    });
    const response = await send('/commands', anyCommand);
    await eventually(() => steps.length === 1, { what: 'the command has begun' });
    response.destroy();
    disconnected.resolve();
    await listener?.close();
    expect(steps).toEqual(['begun', 'undefined', 'finished']);
    expect(failures).toEqual([]);
  });

  it('closes only after the running command, and takes no further one meanwhile', async () => {
    const steps: string[] = [];
    const mayEnd = Promise.withResolvers<void>();
    await listen(async () => {
      steps.push('begun');
      await mayEnd.promise;
      steps.push('finished');
      return 0;
    });
    const outcome = sendCommand(directory.path, [], new Recorder());
    await eventually(() => steps.length === 1, { what: 'the command has begun' });
    const closed = listener?.close().then(() => steps.push('closed'));
    expect(await sendCommand(directory.path, [], new Recorder())).toEqual({ kind: 'not_running' });
    mayEnd.resolve();
    expect(await outcome).toEqual({ kind: 'exit', code: 0 });
    await closed;
    expect(steps).toEqual(['begun', 'finished', 'closed']);
  });

  it('closes without waiting for a client that sends no command, half of one, or no answer', async () => {
    let isAsked = false;
    await listen(async (_, io) => {
      isAsked = true;
      return (await io.readSecret('Password: ')) === undefined ? 4 : 0;
    });
    const idle = [await connectRaw(), await connectRaw(), await connectRaw()];
    idle[1]?.write('POST /commands HTTP/1.1\r\nHost:');
    idle[2]?.write('POST /commands HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{');
    const response = await send('/commands', anyCommand);
    await eventually(() => isAsked, { what: 'the command has a question' });
    const closed = listener?.close();
    expect(await readAll(response)).toContain('{"exit":4}');
    for (const socket of idle) await readAll(socket).catch(() => '');
    await closed;
  });

  it('disconnects a client that does not send its command in time', async () => {
    await listen(() => Promise.resolve(0), 20);
    const socket = await connectRaw();
    socket.write('POST /commands HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"argv":');
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 408 /);
  });

  it.each([
    ['a line of text', 'hello\n'],
    ['zeros', '\0\0\0\0\n\n'],
    ['a request without a version', 'POST /commands\r\n\r\n'],
    ['a target that is too long', `GET /${'x'.repeat(17_000)}`],
  ])('rejects %s', async (_, bytes) => {
    await listen(() => Promise.resolve(0));
    const socket = await connectRaw();
    socket.write(bytes);
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 4\d\d /);
  });

  it.each([
    ['GET', '/commands'],
    ['POST', '/'],
    ['POST', '/answers/6f1c2f2e-0000-4000-8000-000000000000'],
  ])('returns 404 for %s %s', async (method, path) => {
    await listen(() => Promise.resolve(0));
    expect((await send(path, anyCommand, method)).statusCode).toBe(404);
  });

  it('takes one answer for a question', async () => {
    await listen(async (_, io) => {
      io.out(`${await io.readSecret('Password: ')}`);
      await io.readSecret('The same again: ');
      return 0;
    });
    const lines = linesOf(await send('/commands', anyCommand));
    const nextFrame = async () => JSON.parse(String((await lines.next()).value)) as Record<string, string>;
    const { answerPath = '' } = await nextFrame();
    expect((await send(answerPath, '{"answer":"first"}')).statusCode).toBe(204);
    expect(await nextFrame()).toEqual({ out: 'first' });
    expect((await send(answerPath, '{"answer":"second"}')).statusCode).toBe(404);
  });

  it('runs at most 16 commands at the same time, and each of them may have a question', async () => {
    const mayEnd = Promise.withResolvers<void>();
    let running = 0;
    await listen(async (_, io) => {
      running += 1;
      await mayEnd.promise;
      return (await io.readSecret('Password: ')) === 'secret' ? 0 : 1;
    });
    const ios = Array.from({ length: 16 }, () => new Recorder());
    for (const io of ios) io.secret = 'secret';
    const outcomes = ios.map((io) => sendCommand(directory.path, [], io));
    await eventually(() => running === 16, { what: 'sixteen commands run' });
    const rejected = new Recorder();
    expect(await sendCommand(directory.path, [], rejected)).toEqual({ kind: 'exit', code: 1 });
    expect(rejected.errors).toBe('The running server already runs 16 commands: try again.\n');
    mayEnd.resolve();
    expect(await Promise.all(outcomes)).toEqual(ios.map(() => ({ kind: 'exit', code: 0 })));
  });

  it.each([
    ['no JSON', 'hello', 400, 'does not understand'],
    ['another form', '{"argv":"migrate"}', 400, 'does not understand'],
    ['more than 1 MB', 'x'.repeat(1024 * 1024 + 1), 413, 'longer than 1 MB'],
  ])('rejects %s with a sentence and exit code 2, and runs nothing', async (_, body, status, sentence) => {
    let ran = false;
    await listen(() => {
      ran = true;
      return Promise.resolve(0);
    });
    const response = await send('/commands', body);
    expect(response.statusCode).toBe(status);
    const frames = await readAll(response);
    expect(frames).toContain(sentence);
    expect(frames).toContain('{"exit":2}');
    expect(ran).toBe(false);
  });

  describe('where the path is too long for a socket', () => {
    beforeEach(async () => {
      await directory.release();
      directory = await openDataDirectory(join(root, 'd'.repeat(60), 'e'.repeat(60)));
    });

    const recorded = (): string => readFileSync(join(directory.path, 'control.path'), 'utf8');

    it('listens in a temporary directory for our own user only, and removes it when it closes', async () => {
      await listen(() => Promise.resolve(6));
      expect(await sendCommand(directory.path, [], new Recorder())).toEqual({ kind: 'exit', code: 6 });
      const temporary = dirname(recorded());
      expect(statSync(temporary).mode & 0o777).toBe(0o700);
      expect(statSync(recorded()).mode & 0o777).toBe(0o600);
      await listener?.close();
      expect(statSync(temporary, { throwIfNoEntry: false })).toBeUndefined();
      expect(await sendCommand(directory.path, [], new Recorder())).toEqual({ kind: 'not_running' });
    });

    it('removes what a killed process left there', async () => {
      const left = mkdtempSync(join(tmpdir(), 'latchkey-control-'));
      writeFileSync(join(directory.path, 'control.path'), join(left, 's'));
      await listen(() => Promise.resolve(0));
      expect(statSync(left, { throwIfNoEntry: false })).toBeUndefined();
      expect(recorded().startsWith(left)).toBe(false);
    });

    it('never removes a directory that is not its own', async () => {
      mkdirSync(join(root, 'precious'));
      writeFileSync(join(directory.path, 'control.path'), join(root, 'precious', 's'));
      await listen(() => Promise.resolve(0));
      expect(statSync(join(root, 'precious')).isDirectory()).toBe(true);
    });

    it('sends nothing to a directory that others may enter', async () => {
      await listen(() => Promise.resolve(0));
      const open = mkdtempSync(join(root, 'open-'));
      writeFileSync(join(directory.path, 'control.path'), join(open, 's'));
      chmodSync(open, 0o755);
      expect(await sendCommand(directory.path, [], new Recorder())).toEqual({ kind: 'not_running' });
    });
  });
});
