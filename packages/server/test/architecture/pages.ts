/** Checks that everything a page of the documentation names exists. Findings are sentences. */
import { dirname, join, normalize } from 'node:path';

/** A page, by its path from the root of the repository. */
export type Page = { readonly path: string; readonly text: string };

/** The names that a page may use. */
export interface Existing {
  /** Files from the root of the repository. */
  readonly files: ReadonlySet<string>;
  /** The text of a file that is in `files`. */
  readonly read: (path: string) => string;
  /** The help text of each command, by the command's name. */
  readonly commands: ReadonlyMap<string, string>;
  readonly settings: ReadonlySet<string>;
  /** The text of all code, to find metrics, tables, problems, actions and log messages in. */
  readonly code: string;
}

const server = 'packages/server/';

/** One sentence for each name that does not exist. */
export function checkPage(page: Page, existing: Existing): string[] {
  const spans = spansOf(page.text);
  const findings = [
    ...spans.flatMap((span) => checkSpan(span, existing)),
    ...settingsOf(page.text).flatMap((name) => (existing.settings.has(name) ? [] : [`no setting ${name}`])),
    ...commandsOf(page.text).flatMap((line) => checkCommand(line, existing.commands)),
  ];
  return [...checkLinks(page, existing), ...findings.map((finding) => `${page.path}: ${finding}`)];
}

/** The links of a page that lead to no file or heading of the repository. */
export function checkLinks(page: Page, existing: Pick<Existing, 'files' | 'read'>): string[] {
  return linksOf(page.text)
    .flatMap((link) => checkLink(page, link, existing))
    .map((finding) => `${page.path}: ${finding}`);
}

/** `## name` sections of the page of commands. */
export function readCommands(page: string): Map<string, string> {
  const sections = page.split(/^## /m).slice(1);
  return new Map(sections.map((section) => [section.slice(0, section.indexOf('\n')), section]));
}

/** The cells of those table rows of a page that start with a cell accepted by `isFirst`. */
export function rowsOf(text: string, isFirst: (cell: string) => boolean): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.slice(1, -1).split('|'))
    .map((cells) => cells.map((cell) => cell.trim()))
    .filter(([first = '']) => isFirst(first));
}

function spansOf(text: string): string[] {
  return [...text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);
}

function linksOf(text: string): string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target).filter((to) => !/^https?:/.test(to));
}

function checkLink(page: Page, link: string, { files, read }: Pick<Existing, 'files' | 'read'>): string[] {
  const [to = '', anchor] = link.split('#');
  const path = to === '' ? page.path : normalize(join(dirname(page.path), to));
  if (!files.has(path)) return [`no file ${path}`];
  if (anchor === undefined || anchorsOf(read(path)).has(anchor)) return [];
  return [`no heading #${anchor} in ${path}`];
}

/** Anchors of headings, in GitHub's form. */
export function anchorsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading.toLowerCase());
  return new Set(headings.map((heading) => heading.replaceAll(/[^\w -]/g, '').replaceAll(' ', '-')));
}

const isFile = /^[\w@][\w@./-]*\.(?:ts|md|json|sql|cjs)$/;
const isName = /^[a-z]+(?:[._][a-z0-9]+)+$/;
const isMessage = /^"([^"]+)"$/;

function checkSpan(span: string, { files, code }: Existing): string[] {
  if (isFile.test(span)) return files.has(span) || files.has(server + span) ? [] : [`no file ${span}`];
  const [, message] = isMessage.exec(span) ?? [];
  if (message !== undefined) return code.includes(message) ? [] : [`no message is ${span}`];
  return isName.test(span) && !isWord(code, span) ? [`nothing is called ${span}`] : [];
}

function isWord(code: string, name: string): boolean {
  return new RegExp(`(?<![\\w.])${name.replaceAll('.', '\\.')}(?![\\w])`).test(code);
}

function settingsOf(text: string): string[] {
  return text.match(/(?<!\w)(?:LATCHKEY|DATABASE|REDIS|SMTP)_[A-Z0-9_]+/g) ?? [];
}

/** Command lines, in code spans and in blocks. */
function commandsOf(text: string): string[] {
  const blocks = [...text.matchAll(/^```[\s\S]*?^```/gm)].map(([block]) => block);
  const code = [...blocks, ...spansOf(text)].join('\n');
  return [...code.matchAll(/(?:^|\s|\()(?:latchkey|node bin\/latchkey\.cjs) ([^|#);\n]+)/gm)].map(
    ([, line = '']) => line,
  );
}

function checkCommand(line: string, commands: ReadonlyMap<string, string>): string[] {
  const words = line.trim().split(/\s+/);
  const name = [words.slice(0, 2).join(' '), words[0] ?? ''].find((candidate) => commands.has(candidate));
  if (name === undefined) return [`no command "${line.trim()}"`];
  const help = commands.get(name) ?? '';
  return words
    .filter((word) => word.startsWith('--') && !help.includes(word))
    .map((word) => `"${name}" takes no ${word}`);
}
