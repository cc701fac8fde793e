/** Every parser on mutations of its examples; `npm run prove parsers` runs a hundred times as many. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nonParsers } from './non-parsers.ts';
import { fuzz, type Parser } from './parser.ts';
import { parsers } from './parsers.ts';

const source = join(import.meta.dirname, '../../src');
const mutations = 1000;

async function functionsOf(path: string): Promise<string[]> {
  const exported = (await import(join(source, path))) as Readonly<Record<string, unknown>>;
  return Object.entries(exported).flatMap(([name, value]) => (typeof value === 'function' ? [name] : []));
}

describe('the list of parsers', () => {
  it('lists every function of protocol/* and of the HTTP body parsers', async () => {
    const modules = readdirSync(join(source, 'protocol')).map((name) => [name, `protocol/${name}/index.ts`] as const);
    const files = [
      ...modules,
      ['body.ts', 'platform/http/admission/body.ts'] as const,
      ['cookies.ts', 'platform/http/admission/cookies.ts'] as const,
    ];
    expect(files.length).toBeGreaterThan(10);
    const listed = new Set([...parsers.map(({ module, name }) => `${module} ${name}`), ...Object.keys(nonParsers)]);
    const found: string[] = [];
    for (const [module, path] of files) found.push(...(await functionsOf(path)).map((name) => `${module} ${name}`));
    expect(found.filter((name) => !listed.has(name))).toEqual([]);
    const internal = [
      'jose parseCompactJws',
      'jose joseSignatureFromDer',
      'webauthn decodeCbor',
      'webauthn parseAuthenticatorData',
      'webauthn parseClientData',
    ];
    expect([...listed].filter((name) => !found.includes(name)).sort()).toEqual(internal.sort());
  });
});

describe('a parser', () => {
  it.each(parsers)(`$module $name has no fault in ${mutations} mutations`, async (parser) => {
    const { faults, read, refused } = await fuzz(parser, mutations, 20_260_301);
    expect(faults).toEqual([]);
    expect(read).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(100);
    expect(read + refused).toBe(mutations + parser.examples.length);
  });
});

describe('fuzz', () => {
  const parser = (read: Parser['read']): Parser => ({ module: 'm', name: 'n', examples: ['{"a":1}'], read });

  it('reports an undeclared error', async () => {
    const { faults } = await fuzz(
      parser(({ text }) => JSON.parse(text) !== null),
      200,
      1,
    );
    expect(faults[0]).toMatch(/^threw SyntaxError/);
  });

  it('reports an input that is slow every time', async () => {
    const busyWait = (ms: number): boolean => {
      const end = performance.now() + ms;
      while (performance.now() < end);
      return true;
    };
    const { faults } = await fuzz(
      parser(({ text }) => busyWait(text.includes('"a"') ? 60 : 0)),
      3,
      1,
    );
    expect(faults[0]).toMatch(/^\d+ ms: /);
  });

  it('reproduces its inputs from the seed', async () => {
    const runs: string[][] = [[], []];
    for (const inputs of runs) {
      await fuzz(
        parser(({ text }) => inputs.push(text) > 0),
        50,
        7,
      );
    }
    expect(runs[0]).toEqual(runs[1]);
    expect(new Set(runs[0]).size).toBeGreaterThan(40);
  });
});
