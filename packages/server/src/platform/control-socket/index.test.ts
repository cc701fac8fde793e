import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DataDirectory, openDataDirectory } from '#platform/data-directory/index.ts';
import { eventually } from '#test/support/wait.ts';
import { type CommandIo, type CommandListener, listenForCommands, type RunCommand, sendCommand } from './index.ts';

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

/** The client's side, writing down what it is told. */
class Recorder implements CommandIo {
  isTerminal = false;
  columns: number | undefined;
  said = '';
  complained = '';
  prompts: string[] = [];
  secret: string | undefined;
  input: string | undefined;
  out(text: string): void {
    this.said += text;
  }
  err(text: string): void {
    this.complained += text;
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

async function readAll(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}

describe('sendCommand', () => {
  it('runs the command there, passes on its arguments and output in order, and answers its exit code', async () => {
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
    expect(io.said).toBe('[["user","create","a b\\n\\"c\\""],true,120]\n✓ done\n');
    expect(io.complained).toBe('careful\n');
  });

  it('carries a prompt there and the secret back, and standard input', async () => {
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
    expect([io.prompts, io.said]).toEqual([['Password: '], 'correct horse 1000000']);
  });

  it.each([
    ['cannot be given', undefined],
    ['is longer than 1 MB', 'x'.repeat(1024 * 1024)],
  ])('lets the command know that an answer %s', async (_, input) => {
    await listen(async (_argv, io) => ((await io.readInput()) === undefined ? 3 : 0));
    const io = new Recorder();
    io.input = input;
    expect(await sendCommand(directory.path, [], io)).toEqual({ kind: 'exit', code: 3 });
  });

  it('passes on much output whole, and lets the command wait for its reader', async () => {
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
    expect(io.said === line.repeat(500)).toBe(true);
  });

  it('has several commands run at the same time, each with its own output', async () => {
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
    expect(ios.map((io) => io.said)).toEqual(numbers.map(String));
  });

  it('answers 1 and gives nothing away when the command has a bug', async () => {
    const bug = new Error('the secret detail');
    await listen(() => Promise.reject(bug));
    const io = new Recorder();
    expect(await sendCommand(directory.path, [], io)).toEqual({ kind: 'exit', code: 1 });
    expect(io.complained).toBe('The command failed unexpectedly; the log of the running server says why.\n');
    expect(failures).toEqual([bug]);
  });

  it.each(['no directory', 'no socket', 'a socket whose listener has closed'])('finds nobody: %s', async (what) => {
    if (what === 'a socket whose listener has closed') {
      await listen(() => Promise.resolve(0));
      await listener?.close();
    }
    const path = what === 'no directory' ? join(root, 'nothing') : directory.path;
    expect(await sendCommand(path, [], new Recorder())).toEqual({ kind: 'not_running' });
  });

  it('says that the outcome is not known when the server dies, then that nobody runs, then a new one takes over', async () => {
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
  it('makes a socket for our own user only and removes it at the end', async () => {
    await listen(() => Promise.resolve(0));
    expect(statSync(socketPath()).mode & 0o777).toBe(0o600);
    expect(statSync(directory.path).mode & 0o777).toBe(0o700);
    await listener?.close();
    expect(statSync(socketPath(), { throwIfNoEntry: false })).toBeUndefined();
  });

  it('finishes a command whose client has hung up', async () => {
    const steps: string[] = [];
    const hungUp = Promise.withResolvers<void>();
    await listen(async (_, io) => {
      steps.push('begun');
      await hungUp.promise;
      io.out('for nobody');
      await io.drained();
      steps.push(String(await io.readSecret('Password: ')));
      steps.push('finished');
      return 0;
    });
    const socket = await connectRaw();
    socket.write('{"argv":[],"isTerminal":false}\n');
    await eventually(() => steps.length === 1, { what: 'the command has begun' });
    socket.destroy();
    hungUp.resolve();
    await listener?.close();
    expect(steps).toEqual(['begun', 'undefined', 'finished']);
    expect(failures).toEqual([]);
  });

  it('is closed only when the running command is finished, and takes no further one meanwhile', async () => {
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

  it('waits at its end for nobody who has not asked, or does not answer', async () => {
    let asked = false;
    await listen(async (_, io) => {
      asked = true;
      return (await io.readSecret('Password: ')) === undefined ? 4 : 0;
    });
    const silent = await connectRaw();
    const io = new Recorder();
    io.readSecret = () => new Promise(() => undefined);
    const socket = await connectRaw();
    socket.write('{"argv":[],"isTerminal":false}\n');
    await eventually(() => asked, { what: 'the command asks' });
    const [said] = await Promise.all([readAll(socket), listener?.close()]);
    expect(said).toContain('{"exit":4}');
    await eventually(() => silent.closed || silent.destroyed || silent.resume().readableEnded, {
      what: 'the silent client is hung up on',
    });
  });

  it('hangs up on a client that does not send its command in time', async () => {
    await listen(() => Promise.resolve(0), 20);
    const socket = await connectRaw();
    socket.write('{"argv":');
    expect(await readAll(socket)).toBe('');
  });

  it.each([
    ['no JSON', 'hello\n', 'does not understand'],
    ['another form', '{"argv":"migrate"}\n', 'does not understand'],
    ['more than 1 MB', `${'x'.repeat(1024 * 1024 + 1)}\n`, 'longer than 1 MB'],
  ])('refuses %s in a sentence, with exit code 2, and runs nothing', async (_, text, sentence) => {
    let ran = false;
    await listen(() => {
      ran = true;
      return Promise.resolve(0);
    });
    const socket = await connectRaw();
    socket.write(text);
    const said = await readAll(socket);
    expect(said).toContain(sentence);
    expect(said).toContain('{"exit":2}');
    expect(ran).toBe(false);
  });

  describe('where the path is too long for a socket', () => {
    beforeEach(async () => {
      await directory.release();
      directory = await openDataDirectory(join(root, 'd'.repeat(60), 'e'.repeat(60)));
    });

    const recorded = (): string => readFileSync(join(directory.path, 'control.path'), 'utf8');

    it('listens in a temporary directory for our own user only, and removes it at the end', async () => {
      await listen(() => Promise.resolve(6));
      expect(await sendCommand(directory.path, [], new Recorder())).toEqual({ kind: 'exit', code: 6 });
      const place = dirname(recorded());
      expect(statSync(place).mode & 0o777).toBe(0o700);
      expect(statSync(recorded()).mode & 0o777).toBe(0o600);
      await listener?.close();
      expect(statSync(place, { throwIfNoEntry: false })).toBeUndefined();
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

    it('sends nothing to a place that others may enter', async () => {
      await listen(() => Promise.resolve(0));
      const open = mkdtempSync(join(root, 'open-'));
      writeFileSync(join(directory.path, 'control.path'), join(open, 's'));
      chmodSync(open, 0o755);
      expect(await sendCommand(directory.path, [], new Recorder())).toEqual({ kind: 'not_running' });
    });
  });
});
