/** Checks that a citation leads to an ADR, a page, a numbered invariant, a heading or a file of this repository. */
import { posix } from 'node:path';
import { anchorsOf } from './pages.ts';

/** A comment, a page or a migration's comment, with the place where it starts. */
export type CitingText = { readonly path: string; readonly line: number; readonly text: string };

/** The parts of the repository that can be cited. */
export type Citable = {
  /** Files, from the root of the repository. */
  readonly files: ReadonlySet<string>;
  /** The text of a file that is in `files`. */
  readonly read: (path: string) => string;
  /** The highest number of docs/security/invariants.md. */
  readonly invariants: number;
};

type Check = (text: string, path: string, citable: Citable) => readonly Breach[];
type Breach = { readonly at: number; readonly sentence: string };

/** The text cites nothing that is missing; one sentence for each breach. */
export function checkCitations(texts: readonly CitingText[], citable: Citable): string[] {
  return texts.flatMap(({ path, line, text }) =>
    checks
      .flatMap((check) => check(text, path, citable))
      .map(({ at, sentence }) => `${path}:${line + text.slice(0, at).split('\n').length - 1}: ${sentence}`),
  );
}

/** Documents that are kept elsewhere. Written in parts, because this file is checked too. */
const elsewhere = new RegExp(
  ['DESI{1}GN', 'REQUIREM{1}ENTS', 'faul{1}ts\\.md', '\\.\\./sha{1}red\\b', 'requirements? [A-Z]\\d', 'S[0-4](?![.-])']
    .map((name) => `(?<![\\w./-])${name}\\b`)
    .join('|'),
  'g',
);

/** Only these may be cited by a section's number. */
const specification =
  /RFC \d|NIST|SP 800|OpenID|UTS ?#?\d|UAX|WebAuthn|ECMA|draft-|OWASP|ASVS|X\.690|WHATWG|W3C|FIPS|PHC|Apache License/;

const layers = 'kernel|protocol|config|platform|domain|flows|pages|app';

const checks: readonly Check[] = [
  (text) => each(text, elsewhere, ([name]) => `"${name}" is no document of this repository`),

  (text, _path, { files }) =>
    each(text, /\bADRs? (\d+(?:(?:, | and |, and | to )\d+)*)/g, ([, numbers = '']) => {
      const missing = numbersOf(numbers).filter((number) => !hasAdr(files, number));
      return missing.length === 0 ? undefined : `there is no ADR ${missing.join(', ')}`;
    }),

  (text, _path, { invariants }) =>
    each(text, /\binvariants? (\d+(?:(?:, | and |, and | to )\d+)*)/gi, ([, numbers = '']) => {
      const missing = numbersOf(numbers).filter((number) => Number(number) < 1 || Number(number) > invariants);
      return missing.length === 0 ? undefined : `there is no invariant ${missing.join(', ')}`;
    }),

  (text, path, { read }) =>
    each(text, /\bARCHITECTURE\.md(?:#([\w-]+))?/g, ([, anchor]) => {
      // Pages may name the page as a whole; a comment is about a part of it.
      if (anchor === undefined) return path.endsWith('.md') ? undefined : 'cite a heading, as in ARCHITECTURE.md#lanes';
      return anchorsOf(read('ARCHITECTURE.md')).has(anchor) ? undefined : `ARCHITECTURE.md has no #${anchor}`;
    }),

  (text, path, { files, read }) =>
    each(
      text,
      /(?<![\w./@-])((?:[\w-]+\/)+[\w.-]+\.(?:ts|md|sql|json|cjs|sh))\b(?:#([\w-]+))?/g,
      ([, file = '', anchor]) => {
        const found = placesOf(file, path).find((place) => files.has(place));
        if (found === undefined) return `there is no file ${file}`;
        if (anchor === undefined || anchorsOf(read(found)).has(anchor)) return undefined;
        return `${file} has no heading #${anchor}`;
      },
    ),

  (text, _path, { files }) =>
    each(text, new RegExp(`(?<![\\w./#@-])((?:${layers})/[a-z][a-z-]*[a-z])(?![\\w./*{-])`, 'g'), ([, name = '']) =>
      hasModule(files, `packages/server/src/${name}`) ? undefined : `there is no module ${name}`,
    ),

  (text) => {
    if (specification.test(text)) return [];
    return each(text, /(?<!ARCHITECTURE\.md, )§ ?\d[\d.]*/g, ([section]) => `${section} of which specification?`);
  },
];

function each(text: string, pattern: RegExp, judge: (match: RegExpMatchArray) => string | undefined): Breach[] {
  return [...text.matchAll(pattern)].flatMap((match) => {
    const sentence = judge(match);
    return sentence === undefined ? [] : [{ at: match.index, sentence }];
  });
}

function numbersOf(list: string): string[] {
  return list.match(/\d+/g) ?? [];
}

function hasAdr(files: ReadonlySet<string>, number: string): boolean {
  return [...files].some((file) => file.startsWith(`docs/adr/${number}-`));
}

/** From the root, the server, its sources, or beside the file that cites. */
function placesOf(file: string, from: string): string[] {
  const server = 'packages/server';
  return [file, `${server}/${file}`, `${server}/src/${file}`, `${server}/test/${file}`, `docs/${file}`].concat(
    posix.normalize(posix.join(posix.dirname(from), file)),
  );
}

function hasModule(files: ReadonlySet<string>, path: string): boolean {
  return [...files].some((file) => file.startsWith(`${path}/`) || file.startsWith(`${path}.`));
}
