/** Measures the ratios of the gate on a server of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '../../packages/server/test/support/postgres-cluster.ts';
import { moveToLoadCore } from '../support/cores.ts';
import { startReference } from '../support/reference-process.ts';
import { startSystem } from '../support/system.ts';
import { addUsers } from '../support/users.ts';
import { costOf, type GateTarget, type OperationName, operationNames, referenceCost } from './operations.ts';
import { ratioOf } from './verdict.ts';

export interface GateOptions {
  readonly rounds: number;
  /** A share by which each operation is made to cost more, to see the gate fail. */
  readonly plantedLoss?: number;
  /** Whether a ratio is good enough. One that is not is measured again, twice at most, and its lowest ratio counts. */
  readonly isEnough: (name: OperationName, ratio: number) => boolean;
}

/** Enough that no user reaches 75 sessions, from where a login ends the oldest. */
const userCount = 300;
const repetitions = 2;
/** The length of a usual response. */
const referenceBytes = '400';

export async function measureRatios(options: GateOptions): Promise<Record<string, number>> {
  moveToLoadCore();
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-gate-'));
  const cluster = await startPostgres({ durable: true });
  const { plantedLoss = 0 } = options;
  const preload = plantedLoss > 0 ? { module: 'bench/gate/planted-loss.ts', loss: plantedLoss } : undefined;
  const system = await startSystem({ databaseUrl: cluster.adminUrl, dataDirectory: directory, preload });
  const bare = await startReference<{ readonly port: number }>('bare-http', referenceBytes);
  try {
    const target = { ...system, users: await addUsers(system, userCount) };
    return await ratiosOf(target, { port: bare.ready.port, pid: bare.pid }, options);
  } finally {
    await bare.stop();
    await system.stop();
    await cluster.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

type Reference = Pick<GateTarget, 'port' | 'pid'>;

async function ratiosOf(target: GateTarget, reference: Reference, options: GateOptions) {
  const ratios: Record<string, number> = {};
  let names = operationNames;
  for (let repetition = 0; repetition <= repetitions && names.length > 0; repetition += 1) {
    for (const [name, ratio] of Object.entries(await measureOnce(names, target, reference, options.rounds))) {
      ratios[name] = Math.min(ratio, ratios[name] ?? Number.POSITIVE_INFINITY);
    }
    names = names.filter((name) => !options.isEnough(name, ratios[name] ?? Number.NaN));
  }
  return ratios;
}

async function measureOnce(
  names: readonly OperationName[],
  target: GateTarget,
  reference: Reference,
  rounds: number,
): Promise<Record<string, number>> {
  const windows = names.map((name) => ({ name, operation: [] as number[], reference: [] as number[] }));
  // The first round is the warm-up.
  for (let round = 0; round <= rounds; round += 1) {
    for (const window of windows) {
      const costs = [await costOf(window.name, target), await referenceCost(reference)] as const;
      if (round === 0) continue;
      window.operation.push(costs[0]);
      window.reference.push(costs[1]);
    }
  }
  return Object.fromEntries(windows.map((window) => [window.name, ratioOf(window)]));
}
