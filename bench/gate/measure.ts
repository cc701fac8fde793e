/** Measures two versions of the product side by side, each a server of its own with a database of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectDirectly } from '../../packages/server/test/support/direct-connection.ts';
import { type PostgresCluster, startPostgres } from '../../packages/server/test/support/postgres-cluster.ts';
import { moveToLoadCore } from '../support/cores.ts';
import { startSystem } from '../support/system.ts';
import { addUsers } from '../support/users.ts';
import { costOf, type GateTarget, type OperationName, operationNames } from './operations.ts';
import { judge, type Verdict } from './verdict.ts';

export interface GateOptions {
  /** The checkout of the version to compare with. */
  readonly baseDirectory: string;
  /** Windows of each operation and version. */
  readonly rounds: number;
  /** All by default. */
  readonly operations?: readonly OperationName[];
  /** A share by which each operation of this version is made to cost more, to see the gate fail. */
  readonly plantedLoss?: number;
}

/** Enough that no user reaches 75 sessions, from where a login ends the oldest. */
const userCount = 300;
/** An operation above the limit is measured again so often; then all of its windows count. */
const repetitions = 2;

interface Sides {
  readonly candidate: GateTarget;
  readonly base: GateTarget;
}

interface Pairs {
  readonly candidate: number[];
  readonly base: number[];
}

/** One verdict for each operation. */
export async function compareWithBase(options: GateOptions): Promise<Verdict[]> {
  moveToLoadCore();
  const { plantedLoss = 0, rounds, operations = operationNames } = options;
  await using resources = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-gate-'));
  resources.defer(() => rmSync(directory, { recursive: true, force: true }));
  const cluster = await startPostgres({ durable: true });
  resources.defer(() => cluster.stop());
  const start = async (name: string, more: { readonly checkout?: string; readonly preload?: Preload }) => {
    const databaseUrl = await createDatabase(cluster, name);
    const system = await startSystem({ databaseUrl, dataDirectory: join(directory, name), ...more });
    resources.defer(() => system.stop());
    return { ...system, users: await addUsers(system, userCount) };
  };
  const base = await start('base', { checkout: options.baseDirectory });
  const preload = { module: 'bench/gate/planted-loss.ts', loss: plantedLoss };
  const candidate = await start('candidate', plantedLoss > 0 ? { preload } : {});
  return await verdictsOf({ candidate, base }, rounds, operations);
}

type Preload = { readonly module: string; readonly loss: number };

async function createDatabase({ adminUrl }: PostgresCluster, name: string): Promise<string> {
  const admin = await connectDirectly(adminUrl);
  await admin.query(`create database ${name}`);
  await admin.end();
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return url.href;
}

async function verdictsOf(sides: Sides, rounds: number, operations: readonly OperationName[]): Promise<Verdict[]> {
  const windows = new Map(operations.map((name) => [name, { candidate: [], base: [] } as Pairs]));
  const verdicts = new Map<OperationName, Verdict>();
  let names = operations;
  for (let repetition = 0; repetition <= repetitions && names.length > 0; repetition += 1) {
    const measured = names.map((name) => [name, windows.get(name) as Pairs] as const);
    await measure(measured, sides, rounds);
    for (const [name, pairs] of measured) verdicts.set(name, judge(name, pairs));
    names = names.filter((name) => verdicts.get(name)?.holds !== true);
  }
  return operations.map((name) => verdicts.get(name) as Verdict);
}

async function measure(
  operations: readonly (readonly [OperationName, Pairs])[],
  { candidate, base }: Sides,
  rounds: number,
): Promise<void> {
  // The first round is the warm-up.
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, pairs] of operations) {
      // In turn, so that neither side always follows the other.
      const first = round % 2 === 0 ? candidate : base;
      const costs = [await costOf(name, first), await costOf(name, first === candidate ? base : candidate)];
      if (round === 0) continue;
      const [ofCandidate = Number.NaN, ofBase = Number.NaN] = first === candidate ? costs : costs.toReversed();
      pairs.candidate.push(ofCandidate);
      pairs.base.push(ofBase);
    }
  }
}
