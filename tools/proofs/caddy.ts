/** Caddy with deploy/Caddyfile leads 20,000 requests by HTTP/2 to two nodes whose clocks differ by 1.5 s, while each stops at SIGTERM and comes back, and one is killed and comes back: none fails. */
import { addUsers, type BenchUser, password } from '../../bench/support/users.ts';
import { findFreePort } from '../../e2e/support/free-port.ts';
import { type RunningServer, type ServerOptions, startServer } from '../../e2e/support/server.ts';
import { startCaddy } from '../../packages/server/test/support/caddy.ts';
import { eventually } from '../../packages/server/test/support/wait.ts';
import { countFailures, EdgeLoad, type Tally } from './support/edge-load.ts';
import { readNumbers } from './support/options.ts';
import { provideDatabase } from './support/provide-database.ts';
import { endWithSignals } from './support/signals.ts';
import { measureSkewMs, withSkewedClock } from './support/skewed-clock.ts';
import { tableLines } from './support/table.ts';

endWithSignals();
const { requests, devices, 'skew-ms': skewMs } = readNumbers({ requests: 20_000, devices: 12, 'skew-ms': 1500 });
const skewSeconds = skewMs / 1000;
const rows: { readonly phase: string; readonly tally: Tally; readonly mayRepeat: boolean }[] = [];

const measured = measureSkewMs(skewSeconds);
console.log(`the clock of node B is ${Math.round(measured)} ms ahead of that of node A`);
if (Math.abs(measured - skewMs) > 500) throw new Error('the clocks do not differ as they should');

await using database = await provideDatabase();
const port = await findFreePort();
const env = {
  LATCHKEY_TRUSTED_PROXIES: '127.0.0.1',
  LATCHKEY_SHUTDOWN_DELAY_SECONDS: '5',
  LATCHKEY_DRAIN_SECONDS: '25',
};
const common: ServerOptions = { database: database.url, publicUrl: `https://localhost:${port}`, env };
const options: Readonly<Record<'A' | 'B', ServerOptions>> = {
  A: { ...common, port: await findFreePort() },
  B: { ...common, port: await findFreePort(), wrap: (command) => withSkewedClock(command, skewSeconds) },
};
// Alone at first, so that every mail is in its inbox.
const nodes = { A: await startServer(options.A) } as Record<'A' | 'B', RunningServer>;
const users = await addUsers({ port: portOf(nodes.A.url), opsPort: portOf(nodes.A.opsUrl) }, devices);
nodes.B = await startServer(options.B);
await using edge = await startCaddy({ port, nodes: [options.A, options.B].map((node) => `127.0.0.1:${node.port}`) });
const load = new EdgeLoad(
  edge,
  users.map((user: BenchUser) => ({ ...user, password })),
);

await bothServe();
await phase('both nodes', () => load.reach(requests / 8));
await phase('node B: SIGTERM', () => stop('B'));
await phase('node B: back', () => comeBack('B'));
await phase('node A: SIGTERM', () => stop('A'));
await phase('node A: back', () => comeBack('A'));
await phase('node B: SIGKILL', () => nodes.B.kill9(), { mayRepeat: true });
await phase('node B: back', () => comeBack('B'));
const sent = rows.reduce((sum, { tally }) => sum + tally.requests, 0);
await phase('both nodes', () => load.reach(Math.max(requests / 8, requests - sent)));
await load.stop();
await Promise.all([nodes.A.stop(), nodes.B.stop()]);

const head = ['phase', 'requests', 'failed', 'on another connection', 'POSTs sent again', 'longest (ms)'];
const cells = rows.map(({ phase: name, tally }) => {
  const { requests: count, refused, repeated, longestMs } = tally;
  return [name, count, countFailures(tally), refused, repeated, Math.round(longestMs)];
});
for (const line of tableLines(head, cells)) console.log(line);
const total = rows.reduce((sum, { tally }) => sum + tally.requests, 0);
const faults = rows.flatMap(({ phase: name, tally, mayRepeat }) => [
  ...[...tally.failures].map(([what, count]) => `${name}: ${count} × ${what}`),
  ...(tally.repeated > 0 && !mayRepeat ? [`${name}: ${tally.repeated} POSTs were sent again`] : []),
]);
if (total < requests) faults.push(`only ${total} requests`);
console.log(`${total} requests`);
for (const fault of faults) console.log(fault);
process.exitCode = faults.length === 0 ? 0 : 1;

/** Does something while the load goes on, and for a while after it. */
async function phase(name: string, work: () => Promise<unknown>, { mayRepeat = false } = {}): Promise<void> {
  await work();
  // A node that Caddy still takes for healthy would show within two of its checks.
  const endMs = performance.now() + 2000;
  await eventually(() => performance.now() > endMs, { what: 'two seconds pass' });
  rows.push({ phase: name, tally: load.mark(), mayRepeat });
  console.log(`${name}: ${rows.at(-1)?.tally.requests} requests`);
}

async function stop(name: 'A' | 'B'): Promise<void> {
  const code = await nodes[name].stop();
  if (code !== 0) throw new Error(`node ${name} exited with ${code}: ${nodes[name].logs()}`);
}

async function comeBack(name: 'A' | 'B'): Promise<void> {
  nodes[name] = await startServer(options[name]);
  await bothServe();
}

/** Waits until Caddy leads requests to each node. */
async function bothServe(): Promise<void> {
  const counts = () => Promise.all([nodes.A, nodes.B].map(({ opsUrl }) => countRequests(opsUrl)));
  const before = await counts();
  const isServing = async () => (await counts()).every((count, index) => count > (before[index] ?? 0));
  await eventually(isServing, { what: 'both nodes get requests', timeoutMs: 60_000 });
}

/** Without the probes of Caddy. */
async function countRequests(opsUrl: string): Promise<number> {
  const text = await (await fetch(`${opsUrl}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith('http_requests_total{') && line.includes('/auth/'));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
