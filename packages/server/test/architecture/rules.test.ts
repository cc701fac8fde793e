import { describe, expect, it } from 'vitest';
import { withoutExceptions } from './exceptions.ts';
import { checkMigration } from './expressions.ts';
import { checkHygiene } from './hygiene.ts';
import { checkSources } from './rules.ts';
import { type Finding, parseSource, printFinding } from './source.ts';

/** The findings in files of the server's sources, given as path and text. */
function findings(files: Readonly<Record<string, string>>): Finding[] {
  return checkSources(Object.entries(files).map(([path, text]) => parseSource(`packages/server/src/${path}`, text)));
}

function sentences(path: string, text: string): string[] {
  return findings({ [path]: text }).map(printFinding);
}

describe('layers', () => {
  const clockSentence = 'flows/logout/logout.ts:1: flows may not import config';
  it.each([
    [
      'flows/logout/index.ts',
      '/** */ import "#flows/login/index.ts";',
      'flows/logout/index.ts:1: flows may not import flows',
    ],
    ['flows/logout/logout.ts', 'import "#config/load.ts";', clockSentence],
    [
      'flows/logout/logout.ts',
      'import type { A } from "#app/wiring.ts";',
      'flows/logout/logout.ts:1: flows may not import app',
    ],
    [
      'domain/users/a.ts',
      '\nexport * from "#flows/login/index.ts";',
      'domain/users/a.ts:2: domain may not import flows',
    ],
    [
      'platform/http/a.ts',
      'import { trace } from "@opentelemetry/api";',
      'platform/http/a.ts:1: the SDK of OpenTelemetry is loaded lazily, by open-tracer.ts alone',
    ],
    [
      'platform/telemetry/a.ts',
      'import { SdkTracer } from "./sdk-tracer.ts";',
      'platform/telemetry/a.ts:1: the SDK of OpenTelemetry is loaded lazily, by open-tracer.ts alone',
    ],
    [
      'platform/mail/a.ts',
      'await import("#domain/users/index.ts");',
      'platform/mail/a.ts:1: platform may not import domain',
    ],
    [
      'platform/mail/a.ts',
      'import "#protocol/jose/index.ts";',
      'platform/mail/a.ts:1: platform may not import protocol',
    ],
    [
      'domain/users/a.ts',
      'import type { Caller } from "#platform/http/index.ts";',
      'domain/users/a.ts:1: domain imports no HTTP types and no HTML ("#platform/http/index.ts")',
    ],
    [
      'domain/users/a.ts',
      'import { html } from "#platform/html/index.ts";',
      'domain/users/a.ts:1: domain imports no HTTP types and no HTML ("#platform/html/index.ts")',
    ],
    ['pages/page.ts', 'import "#flows/login/index.ts";', 'pages/page.ts:1: pages may not import flows'],
    [
      'protocol/jose/a.ts',
      'import "#domain/clients/index.ts";',
      'protocol/jose/a.ts:1: protocol may not import domain',
    ],
    [
      'config/load.ts',
      'type A = import("#platform/mail/index.ts").A;',
      'config/load.ts:1: config may not import platform',
    ],
    ['kernel/ids.ts', 'import "#protocol/jose/index.ts";', 'kernel/ids.ts:1: kernel may not import protocol'],
    ['kernel/ids.ts', 'import "zod";', 'kernel/ids.ts:1: kernel may not import packages ("zod")'],
    ['domain/users/a.ts', 'import "#test/support/wait.ts";', 'domain/users/a.ts:1: domain may not import test'],
    ['app/main.ts', 'await import(name);', 'app/main.ts:1: a dynamic import needs a literal path'],
    [
      'protocol/jose/a.ts',
      'import "node:fs/promises";',
      'protocol/jose/a.ts:1: protocol is pure and may not import "node:fs/promises"',
    ],
  ])('%s: %s', (path, text, sentence) => {
    expect(sentences(path, text)).toEqual([sentence]);
  });

  it.each([
    [
      'flows/login/login.ts',
      'import "#domain/users/index.ts"; import "#kernel/clock.ts"; import "pg"; import "./mails.ts";',
    ],
    ['domain/users/users.ts', 'import "#domain/audit/index.ts"; import "#protocol/jose/index.ts";'],
    ['app/main.ts', 'import "#config/load.ts"; await import("#flows/login/index.ts"); import "./cli/serve.ts";'],
    ['app/cli/serve.ts', 'import "../wiring.ts";'],
    ['kernel/ids.ts', 'import "node:crypto"; import "./assert.ts";'],
    [
      'flows/login/login.http.test.ts',
      'import "#app/wiring.ts"; import "#test/support/postgres.ts"; import "./login.ts";',
    ],
  ])('accepts the imports of %s', (path, text) => {
    expect(sentences(path, text)).toEqual([]);
  });
});

describe('public interfaces', () => {
  it.each([
    ['import { a } from "#domain/sessions/store.ts";', 'domain/users/a.ts:1: import domain/sessions by its index.ts'],
    [
      'import { a } from "../sessions/index.ts";',
      'domain/users/a.ts:1: "../sessions/index.ts" leaves its module; write #domain/sessions/index.ts',
    ],
    [
      'import { a } from "#domain/users/store.ts";',
      'domain/users/a.ts:1: "#domain/users/store.ts" is its own module; write ./store.ts',
    ],
    [
      'export { a, b } from "../../kernel/ids.ts";',
      'domain/users/a.ts:1: "../../kernel/ids.ts" leaves its module; write #kernel/ids.ts',
    ],
  ])('%s', (text, sentence) => {
    expect(sentences('domain/users/a.ts', text)).toEqual([sentence]);
  });

  it('applies to tests too', () => {
    const sentence = 'domain/users/a.test.ts:1: import domain/sessions by its index.ts';
    expect(sentences('domain/users/a.test.ts', 'import "#domain/sessions/store.ts";')).toEqual([sentence]);
  });

  it('requires a doc comment at the top of an index.ts', () => {
    const sentence = 'domain/users/index.ts:1: an index.ts opens with a doc comment: what it owns, which invariants';
    expect(sentences('domain/users/index.ts', 'export const a = 1;')).toEqual([sentence]);
    expect(sentences('domain/users/index.ts', '/** Owns users. */\nexport const a = 1;')).toEqual([]);
  });
});

describe('names', () => {
  it.each(['domain/users/helpers.ts', 'platform/common/a.ts'])('rejects the name %s', (path) => {
    expect(sentences(path, '')).toEqual([expect.stringMatching(/ names no subject; name the file after its content$/)]);
  });
});

describe('cycles', () => {
  it('reports a cycle of modules once, types included', () => {
    const cycle = findings({
      'domain/a/index.ts': '/** */\nimport "#domain/b/index.ts";',
      'domain/b/b.ts': 'import type { C } from "#domain/c/index.ts";',
      'domain/c/c.ts': 'import "#domain/a/index.ts";',
      'domain/d/d.ts': 'import "#domain/a/index.ts";',
    });
    expect(cycle.map(printFinding)).toEqual([
      'domain/a/index.ts:2: domain/a → domain/b → domain/c → domain/a is a cycle',
    ]);
  });

  it('reports a cycle of files that only types close', () => {
    const cycle = findings({
      'platform/jobs/a.ts': 'import { b } from "./b.ts";',
      'platform/jobs/b.ts': 'import type { A } from "./a.ts";',
      'platform/jobs/c.ts': 'import "./a.ts";',
    });
    expect(cycle.map(printFinding)).toEqual([
      'platform/jobs/a.ts:1: platform/jobs/a.ts → platform/jobs/b.ts → platform/jobs/a.ts is a cycle',
    ]);
  });
});

describe('size', () => {
  const lines = (count: number) => 'a();\n'.repeat(count);

  it('allows 400 lines a file', () => {
    expect(sentences('app/a.ts', lines(400))).toEqual([]);
    expect(sentences('app/a.ts', lines(401))).toEqual(['app/a.ts:402: a file of 401 lines; 400 are allowed']);
  });

  it('allows 70 lines a function, and any length in a test', () => {
    expect(sentences('app/a.ts', `function f() {\n${lines(68)}}`)).toEqual([]);
    const tooLong = `const f = () => {\n${lines(69)}};`;
    expect(sentences('app/a.ts', tooLong)).toEqual(['app/a.ts:1: a function of 71 lines; 70 are allowed']);
    expect(sentences('app/a.test.ts', tooLong)).toEqual([]);
  });

  it('finds a function that takes a transaction and a client of other servers', () => {
    const taking = (types: string) => `export async function a(tx: Queries, deps: { readonly c: ${types} }) {}`;
    expect(sentences('domain/users/a.ts', taking('Outbound'))).toEqual([
      'domain/users/a.ts:1: a function that takes a transaction may not take Outbound, which makes requests',
    ]);
    expect(sentences('domain/users/a.ts', taking('Users'))).toEqual([]);
  });

  it('allows a complexity of 10 and counts an inner function separately', () => {
    const branches = 'if (a) b(); for (const c of d) e(); while (f) g(); x ||= h ? 1 : 2; try { k(); } catch { l(); }';
    const nine = `${branches} switch (m) { case 1: case 2: break; default: } n();`;
    expect(sentences('app/a.ts', `function f() { ${nine} o && p; }`)).toEqual([]);
    expect(sentences('app/a.ts', `function f() { ${nine} o && p; const i = () => q ?? r; }`)).toEqual([]);
    const sentence = 'app/a.ts:1: a function of complexity 11; 10 is allowed';
    expect(sentences('app/a.ts', `function f() { ${nine} o && p; q ?? r; }`)).toEqual([sentence]);
  });
});

describe('expressions', () => {
  const clock = 'time comes from the injected clock (kernel/clock.ts)';
  const any = 'any switches the type checker off; use unknown and narrow it';
  it.each([
    ['const a = b as any;', any],
    ['function f(a: any[]): void {}', any],
    ['export default 1;', 'a default export has no name; export by name'],
    ['new Date();', clock],
    ['Date.now();', clock],
    ['performance.now();', clock],
    ['process.hrtime.bigint();', clock],
    ['const a = "select now ( )";', clock],
    ['const a = `update b set c = CURRENT_TIMESTAMP where d = $' + '{e}`;', clock],
    ['process.env.HOME;', 'process.env is read in config only'],
    ['import { env } from "node:process";', 'process.env is read in config only'],
    ['Math.random();', 'Math.random is predictable; use node:crypto'],
    ['// TODO later', 'a TODO needs the number of an issue'],
  ])('%s', (text, sentence) => {
    expect(sentences('domain/users/a.ts', text)).toEqual([`domain/users/a.ts:1: ${sentence}`]);
  });

  it.each([
    ['kernel/clock.ts', 'new Date(); performance.now();'],
    ['config/load.ts', 'process.env.HOME;'],
    ['domain/users/a.ts', 'new Date(0); clock.now(); const a = "know() nowhere"; // TODO #12: later'],
  ])('accepts in %s: %s', (path, text) => {
    expect(sentences(path, text)).toEqual([]);
  });

  it('rejects the time of the database in SQL files, outside comments', () => {
    const sql = '-- never now()\ncreate table a (b timestamptz default now());';
    expect(checkMigration('m.sql', sql).map(printFinding)).toEqual([`m.sql:2: ${clock}`]);
  });
});

describe('exceptions', () => {
  const found = findings({ 'app/a.ts': 'Math.random();' });
  const exception = { path: 'packages/server/src/app/a.ts', rule: 'randomness', reason: 'a fixture' } as const;

  it('removes what it names', () => {
    expect(withoutExceptions(found, [exception])).toEqual([]);
  });

  it('is itself a finding when it is no longer needed', () => {
    const stale = withoutExceptions([], [exception]).map(printFinding);
    expect(stale).toEqual(['app/a.ts:1: the exception for randomness is no longer needed']);
  });
});

describe('hygiene', () => {
  // Joined from parts, because this file is checked as well.
  const machinePath = ['', 'tmp', 'x'].join('/');
  it.each([
    [
      'package-lock.json',
      '{\n"resolved": "https://registry.example/a.tgz"',
      'package-lock.json:2: the lockfile names a registry; set omit-lockfile-registry-resolved',
    ],
    ['.npmrc', `${'registry'}.npmjs.org`, '.npmrc:1: an address of a package registry'],
    ['README.md', `see ${machinePath}`, 'README.md:1: a path of one machine'],
    ['a.test.ts', `${'it'}.only('x')`, 'a.test.ts:1: a test that skips tests'],
    ['a.test.ts', `${'describe'}.concurrent.skip('x')`, 'a.test.ts:1: a test that skips tests'],
  ])('%s: %s', (path, text, sentence) => {
    expect(checkHygiene({ path, text })).toEqual([sentence]);
  });

  it('does not take a hash for a path', () => {
    expect(checkHygiene({ path: 'package-lock.json', text: `sha512-Ab9${machinePath}` })).toEqual([]);
  });
});
