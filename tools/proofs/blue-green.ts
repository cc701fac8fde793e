/** deploy/switch.sh leads requests from a blue stack to a green one and on to the next release, refuses one that is not ready, and leads them back when one turns red: no request of the load fails. */
import { join } from 'node:path';
import { addUsers, password } from '../../bench/support/users.ts';
import { findFreePort } from '../../e2e/support/free-port.ts';
import { type Program, root, type Settings, startProgram } from '../../e2e/support/program.ts';
import { type RunningServer, type ServerOptions, startServer } from '../../e2e/support/server.ts';
import { provideCaddy, startCaddy } from '../../packages/server/test/support/caddy.ts';
import { eventually } from '../../packages/server/test/support/wait.ts';
import { countFailures, EdgeLoad, type Tally } from './support/edge-load.ts';
import { readNumbers } from './support/options.ts';
import { provideDatabase } from './support/provide-database.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';

endWithSignals();
const { devices, requests } = readNumbers({ devices: 8, requests: 2000 });
const colors = ['blue', 'green'] as const;
type Color = (typeof colors)[number];

interface Row {
  readonly step: string;
  readonly exitCode: number | null;
  readonly expected: number | null;
  readonly active: Color;
  readonly tally: Tally;
}

const rows: Row[] = [];
await using database = await provideDatabase();
const port = await findFreePort();
// A stack that stops is red for long enough to be noticed by the script, not only by Caddy.
const env = { LATCHKEY_TRUSTED_PROXIES: '127.0.0.1', LATCHKEY_SHUTDOWN_DELAY_SECONDS: '15' };
const optionsOf = async (): Promise<ServerOptions> => ({
  database: database.url,
  publicUrl: `https://localhost:${port}`,
  port: await findFreePort(),
  env,
});
const options: Readonly<Record<Color, ServerOptions>> = { blue: await optionsOf(), green: await optionsOf() };
const stacks: Partial<Record<Color, RunningServer>> = { blue: await startServer(options.blue) };
const portsOfBlue = [stacks.blue?.url, stacks.blue?.opsUrl].map((url) => Number(new URL(url ?? '').port));
const users = await addUsers({ port: portsOfBlue[0] ?? 0, opsPort: portsOfBlue[1] ?? 0 }, devices);
await using caddy = await startCaddy({ port, nodes: [addressOf('blue')] });
const load = new EdgeLoad(
  caddy,
  users.map((user) => ({ ...user, password })),
);
await load.reach(requests / 8);

await step('green is not ready', 1, () => runSwitch('green', { READY_SECONDS: '2' }));
stacks.green = await startServer(options.green);
await step('switch to green', 0, () => runSwitch('green'));
await step('blue stops and comes back', 0, () => restart('blue'));
await step('switch to blue', 0, () => runSwitch('blue'));
await step('green turns red while it is watched', 1, turnRed);
await load.reach(requests / 8);
await load.stop();
await Promise.all(Object.values(stacks).map((stack) => stack.stop()));

const head = ['step', 'exit code', 'requests go to', 'requests', 'failed', 'longest (ms)'];
const cells = rows.map(({ step: name, exitCode, active, tally }) => {
  const { requests: count, longestMs } = tally;
  return [name, String(exitCode), active, count, countFailures(tally), Math.round(longestMs)];
});
for (const line of tableLines(head, cells)) console.log(line);
const total = rows.reduce((sum, { tally }) => sum + tally.requests, 0);
console.log(`${total} requests`);
const faults = [
  ...rows.flatMap(({ step: name, tally }) => [...tally.failures].map(([what, count]) => `${name}: ${count} × ${what}`)),
  ...rows
    .filter(({ exitCode, expected }) => exitCode !== expected)
    .map(({ step: name, exitCode, expected }) => `${name}: the exit code is ${exitCode}, not ${expected}`),
  ...(rows.map(({ active }) => active).join() === 'blue,green,green,blue,blue'
    ? []
    : ['requests go to the wrong stack']),
  ...(total < requests ? [`only ${total} requests`] : []),
];
for (const fault of faults) console.log(fault);
process.exitCode = faults.length === 0 ? 0 : 1;

async function step(name: string, expected: number, work: () => Promise<number | null>): Promise<void> {
  const exitCode = await work();
  const active = await findActive();
  rows.push({ step: name, exitCode, expected, active, tally: load.mark() });
  console.log(`${name}: exit code ${exitCode}, requests go to ${active}`);
}

function startSwitch(to: Color, settings: Settings = {}): Program {
  return startProgram([join(root, 'deploy/switch.sh'), to], {
    PATH: `${join(provideCaddy(), '..')}:${process.env.PATH}`,
    ...caddy.env,
    SWITCH_SETTINGS: '/dev/null',
    BLUE_NODES: addressOf('blue'),
    BLUE_OPS: opsAddressOf('blue'),
    GREEN_NODES: addressOf('green'),
    GREEN_OPS: opsAddressOf('green'),
    CADDYFILE: join(caddy.directory, 'Caddyfile'),
    ACTIVE_FILE: join(caddy.directory, 'latchkey.nodes'),
    WATCH_SECONDS: '5',
    ...settings,
  });
}

async function runSwitch(to: Color, settings: Settings = {}): Promise<number | null> {
  const program = startSwitch(to, settings);
  const { code } = await program.exited;
  console.log((program.stdout() + program.stderr()).trimEnd());
  return code;
}

/** SIGTERM makes a stack red, and later refuse connections. */
async function turnRed(): Promise<number | null> {
  const program = startSwitch('green', { WATCH_SECONDS: '60' });
  await eventually(() => program.stdout().includes('is watched'), { what: 'green is watched', timeoutMs: 60_000 });
  await eventually(async () => (await findActive()) === 'green', { what: 'green has the requests', timeoutMs: 30_000 });
  const stopped = stacks.green?.stop();
  const { code } = await program.exited;
  console.log((program.stdout() + program.stderr()).trimEnd());
  await stopped;
  delete stacks.green;
  return code;
}

async function restart(color: Color): Promise<number | null> {
  const code = await stacks[color]?.stop();
  stacks[color] = await startServer(options[color]);
  return code ?? null;
}

/** The stack whose count of requests goes up, while that of the other does not. */
async function findActive(): Promise<Color> {
  return eventually(
    async () => {
      const before = await counts();
      const endMs = performance.now() + 500;
      await eventually(() => performance.now() > endMs, { what: 'half a second passes' });
      const after = await counts();
      const grown = colors.filter((color) => after[color] > before[color]);
      return grown.length === 1 && grown[0] !== undefined ? grown[0] : undefined;
    },
    { what: 'one stack gets all requests', timeoutMs: 30_000 },
  );
}

async function counts(): Promise<Record<Color, number>> {
  const [blue = 0, green = 0] = await Promise.all(colors.map((color) => countRequests(stacks[color])));
  return { blue, green };
}

/** Without the probes of health. A stack that is gone gets none. */
async function countRequests(stack: RunningServer | undefined): Promise<number> {
  if (stack === undefined || stack.hasExited()) return 0;
  const text = await (await fetch(`${stack.opsUrl}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith('http_requests_total{') && line.includes('/auth/'));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

function addressOf(color: Color): string {
  return `127.0.0.1:${options[color].port}`;
}

/** The discard port, where nothing listens, before the stack is started. */
function opsAddressOf(color: Color): string {
  const stack = stacks[color];
  return stack === undefined ? '127.0.0.1:9' : new URL(stack.opsUrl).host;
}
