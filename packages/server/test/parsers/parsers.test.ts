/** Every parser under mutations of what it takes; `npm run prove parsers` asks a hundred times as many. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Parser, survive } from './parser.ts';
import { parsers, readingNothing } from './parsers.ts';

const source = join(import.meta.dirname, '../../src');
const mutations = 1000;

async function functionsOf(path: string): Promise<string[]> {
  const exported = (await import(join(source, path))) as Readonly<Record<string, unknown>>;
  return Object.entries(exported).flatMap(([name, value]) => (typeof value === 'function' ? [name] : []));
}

describe('the list of parsers', () => {
  it('names every function of protocol/* and of the bodies that HTTP reads', async () => {
    const modules = readdirSync(join(source, 'protocol')).map((name) => [name, `protocol/${name}/index.ts`] as const);
    const files = [
      ...modules,
      ['body.ts', 'platform/http/admission/body.ts'] as const,
      ['cookies.ts', 'platform/http/admission/cookies.ts'] as const,
    ];
    expect(files.length).toBeGreaterThan(10);
    const listed = new Set([...parsers.map(({ module, name }) => `${module} ${name}`), ...Object.keys(readingNothing)]);
    const found: string[] = [];
    for (const [module, path] of files) found.push(...(await functionsOf(path)).map((name) => `${module} ${name}`));
    expect(found.filter((name) => !listed.has(name))).toEqual([]);
    const inner = ['jose parseCompactJws', 'jose joseSignatureFromDer'];
    expect([...listed].filter((name) => !found.includes(name)).sort()).toEqual(inner.sort());
  });
});

describe('a parser', () => {
  it.each(parsers)(`$module $name survives ${mutations} mutations`, async (parser) => {
    const { faults, read, refused } = await survive(parser, mutations, 20_260_301);
    expect(faults).toEqual([]);
    expect(read).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(100);
    expect(read + refused).toBe(mutations + parser.examples.length);
  });
});

describe('survive', () => {
  const parser = (read: Parser['read']): Parser => ({ module: 'm', name: 'n', examples: ['{"a":1}'], read });

  it('reports an error that is not declared', async () => {
    const { faults } = await survive(
      parser(({ text }) => JSON.parse(text) !== null),
      200,
      1,
    );
    expect(faults[0]).toMatch(/^threw SyntaxError/);
  });

  it('reports an input that takes too long every time', async () => {
    const until = (ms: number): boolean => {
      const end = performance.now() + ms;
      while (performance.now() < end);
      return true;
    };
    const { faults } = await survive(
      parser(({ text }) => until(text.includes('"a"') ? 60 : 0)),
      3,
      1,
    );
    expect(faults[0]).toMatch(/^\d+ ms: /);
  });

  it('repeats itself by its seed', async () => {
    const seen: string[][] = [[], []];
    for (const inputs of seen) {
      await survive(
        parser(({ text }) => inputs.push(text) > 0),
        50,
        7,
      );
    }
    expect(seen[0]).toEqual(seen[1]);
    expect(new Set(seen[0]).size).toBeGreaterThan(40);
  });
});
