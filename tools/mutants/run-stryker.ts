import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { getPriority, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { binary, root } from '../steps.ts';
import type { MutatedModule } from './modules.ts';

/** A mutant that no test detected. */
export type Survivor = { readonly place: string; readonly mutator: string; readonly replacement: string };

/** The outcome of the mutants of a module. */
export type Mutants = {
  readonly killed: number;
  readonly survived: number;
  readonly survivors: readonly Survivor[];
};

/** The part of Stryker's report (mutation-testing-report-schema) that is read here. */
type Report = {
  readonly files: Readonly<
    Record<
      string,
      {
        readonly mutants: readonly {
          readonly status: string;
          readonly mutatorName: string;
          readonly replacement?: string;
          readonly location: { readonly start: { readonly line: number; readonly column: number } };
        }[];
      }
    >
  >;
};

/** Low, because a run takes half an hour on a machine in use; that of the caller, where it is lower. */
const priority = Math.max(10, getPriority());

/** Mutates a module and runs its tests on each mutant. Throws if the tests fail without a mutant. */
export async function runStryker(module: MutatedModule, concurrency: number): Promise<Mutants> {
  const directory = await mkdtemp(join(tmpdir(), 'latchkey-mutants-'));
  try {
    const reportFile = join(directory, 'report.json');
    const configFile = join(directory, 'stryker.json');
    await writeFile(configFile, JSON.stringify(toConfig(module, concurrency, directory, reportFile)));
    await run(configFile, module.tests);
    return read(JSON.parse(await readFile(reportFile, 'utf8')) as Report);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function toConfig({ mutate }: MutatedModule, concurrency: number, directory: string, fileName: string): object {
  return {
    mutate,
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner'],
    vitest: { configFile: 'tools/mutants/vitest.config.ts' },
    // Stryker rewrites this file by the compiler API, which TypeScript 7 does not have; a missing file disables that.
    tsconfigFile: 'no-such-tsconfig.json',
    ignorePatterns: ['docs', 'e2e', 'bench', 'coverage', '.latchkey'],
    reporters: ['json'],
    jsonReporter: { fileName },
    tempDirName: join(directory, 'sandbox'),
    coverageAnalysis: 'perTest',
    // A mutant that exceeds its time counts as detected, so a busy machine must not be taken for a test that hangs.
    timeoutMS: 30_000,
    dryRunTimeoutMinutes: 20,
    concurrency,
    logLevel: 'error',
  };
}

async function run(configFile: string, tests: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [binary('@stryker-mutator/core/bin/stryker.js'), 'run', configFile], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, LATCHKEY_MUTANTS_TESTS: tests.join(',') },
  });
  if (child.pid !== undefined) setPriority(child.pid, priority);
  const end = (): void => void child.kill('SIGTERM');
  process.once('exit', end);
  const [code] = (await once(child, 'exit')) as [number | null];
  process.off('exit', end);
  if (code !== 0) throw new Error(`stryker ended with ${code}`);
}

/** A mutant that makes a test hang is killed; one that no test covers has survived; one that does not load is not counted. */
function read({ files }: Report): Mutants {
  const all = Object.entries(files).flatMap(([file, { mutants }]) => mutants.map((mutant) => ({ file, mutant })));
  const survivors = all.filter(({ mutant: { status } }) => status === 'Survived' || status === 'NoCoverage');
  return {
    killed: all.filter(({ mutant: { status } }) => status === 'Killed' || status === 'Timeout').length,
    survived: survivors.length,
    survivors: survivors.map(({ file, mutant: { mutatorName, replacement, location } }) => ({
      place: `${file}:${location.start.line}:${location.start.column}`,
      mutator: mutatorName,
      replacement: (replacement ?? '').replaceAll(/\s+/g, ' ').slice(0, 80),
    })),
  };
}
