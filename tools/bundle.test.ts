import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { inSources } from '../packages/server/src/platform/telemetry/source-positions.ts';
import { bundleProgram } from './bundle.ts';

const { findProgram } = createRequire(import.meta.url)('../bin/find-program.cjs') as {
  readonly findProgram: (root: string) => string;
};

/** A program with the ways in which ours finds files: a text beside a module, a package, a thread and a later import. */
const sources = {
  'node_modules/greeting/package.json': '{"name":"greeting","type":"module","exports":"./index.js"}',
  'node_modules/greeting/index.js': 'export const greeting = "hello";',
  'packages/server/src/app/main.ts': `
    import { Worker } from 'node:worker_threads';
    import { greeting } from 'greeting';
    import { text } from '../pages/text.ts';
    const { late } = await import('./late.ts');
    const worker = new Worker(new URL('./thread.ts', import.meta.url));
    worker.on('message', (answer: string) => console.log([greeting, text, late, answer].join(' ')));`,
  'packages/server/src/app/late.ts': `export const late: string = 'late';`,
  'packages/server/src/app/thread.ts': `
    import { parentPort } from 'node:worker_threads';
    import { late } from './late.ts';
    parentPort?.postMessage('thread ' + late);`,
  'packages/server/src/pages/text.ts': `
    import { readFileSync } from 'node:fs';
    export const text: string = readFileSync(new URL('text.txt', import.meta.url), 'utf8');`,
  'packages/server/src/pages/text.txt': 'beside',
};
const source = 'packages/server/src/app/main.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'latchkey-bundle-'));
  for (const [name, text] of Object.entries(sources)) write(name, text);
});

afterEach(() => rmSync(root, { recursive: true }));

describe('a bundled program', () => {
  it('finds its files, packages, threads and later imports, and does as its sources', async () => {
    expect(run()).toBe('hello beside late thread late');
    expect(findProgram(root)).toBe(join(root, source));
    await bundleProgram(root);
    expect(findProgram(root)).toContain(join(root, 'packages/server/dist'));
    expect(run()).toBe('hello beside late thread late');
  });

  it('needs neither the sources nor the packages that it contains', async () => {
    await bundleProgram(root);
    for (const name of Object.keys(sources)) if (!name.endsWith('.txt')) rmSync(join(root, name));
    expect(run()).toBe('hello beside late thread late');
  });

  it.each([
    ['a source changes', () => appendFileSync(join(root, 'packages/server/src/app/late.ts'), '\n')],
    ['a source is deleted', () => rmSync(join(root, 'packages/server/src/app/late.ts'))],
    [
      'a source gets the size that it had',
      () => write('packages/server/src/app/late.ts', `export const late: string = 'tale';`),
    ],
    [
      'a package is installed again',
      () => write('node_modules/greeting/package.json', sources['node_modules/greeting/package.json']),
    ],
    ['the bundle is incomplete', () => rmSync(findProgram(root))],
  ])('is left for its sources when %s', async (_, change) => {
    await bundleProgram(root);
    change();
    expect(findProgram(root)).toBe(join(root, source));
  });

  it('is left for its sources when its manifest is damaged, with a sentence', async () => {
    await bundleProgram(root);
    write('packages/server/dist/bundle.json', '{"program":');
    const print = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    expect(findProgram(root)).toBe(join(root, source));
    expect(print.mock.calls.join()).toMatch(/^The bundle is not used \(.+\)\. Delete packages\/server\/dist/);
    print.mockRestore();
  });

  it('has a source for each line of its stacks', async () => {
    await bundleProgram(root);
    const [name, code] = files()
      .filter((file) => file.endsWith('.js'))
      .map((file) => [file, readFileSync(join(root, 'packages/server/dist', file), 'utf8')] as const)
      .find(([, text]) => text.includes('readFileSync(')) as [string, string];
    const line = code.split('\n').findIndex((text) => text.includes('= readFileSync(')) + 1;
    const file = join(root, 'packages/server/dist', name);
    const source = `${pathToFileURL(join(root, 'packages/server/src/pages/text.ts')).href}:3`;
    const directory = pathToFileURL(join(root, 'packages/server/dist/')).href;
    const stack = `at open (${pathToFileURL(file).href}:${line}:9)\nat async ${file}:${line}:1`;
    expect(inSources(stack, directory)).toBe(`at open (${source})\nat async ${source}`);
    const elsewhere = [
      'at open (/opt/no-bundle.js:3:9)',
      'at node:internal/main:1:1',
      `at open (${directory}../../secret.js:1:1)`,
      `at open (${directory}missing.js:1:1)`,
      `at open (${directory}a%2Fb.js:1:1)`,
      'at file:///a%2Fb.js:1:1',
    ].join('\n');
    expect(inSources(elsewhere, directory)).toBe(elsewhere);
  });

  it('is made anew only after a change, and keeps the files of the last day', async () => {
    await bundleProgram(root);
    const first = files();
    write('packages/server/dist/left-over.js', '');
    const twoDaysAgo = Date.now() / 1000 - 2 * 86_400;
    utimesSync(join(root, 'packages/server/dist/left-over.js'), twoDaysAgo, twoDaysAgo);
    await bundleProgram(root);
    expect(files(), 'nothing is written').toEqual([...first, 'left-over.js'].toSorted());
    write('packages/server/src/app/late.ts', `export const late: string = 'later';`);
    await bundleProgram(root);
    expect(run()).toBe('hello beside later thread later');
    expect(files()).toEqual(expect.arrayContaining([...first]));
    expect(files()).not.toContain('left-over.js');
  });

  it('stays as it was when a source cannot be parsed', async () => {
    await bundleProgram(root);
    const first = files();
    write('packages/server/src/app/late.ts', 'export const late: string = ;');
    await expect(bundleProgram(root)).rejects.toThrow(/late\.ts/);
    expect(files()).toEqual(first);
    expect(findProgram(root)).toBe(join(root, source));
  });
});

function write(name: string, text: string): void {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), text);
}

function files(): readonly string[] {
  return readdirSync(join(root, 'packages/server/dist')).toSorted();
}

function run(): string {
  const { stdout, stderr } = spawnSync(process.execPath, [findProgram(root)], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout.trim();
}
