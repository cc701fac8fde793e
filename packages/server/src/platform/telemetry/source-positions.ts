/**
 * Positions in the bundle of the program (ADR 0058) as positions in its sources, for stacks and profiles. The bundler writes a
 * table of lines beside each file, which is read when the first position in that file is wanted.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The lines of a bundled file. */
export interface SourceLines {
  /** Addresses relative to the file. */
  readonly sources: readonly string[];
  /** For each line its source, as an index or -1, and its line there, counted from 1. */
  readonly lines: readonly (readonly [source: number, line: number])[];
}

/** The file with the lines of a bundled file, relative to the same directory. */
export function linesFileOf(file: string): string {
  return `${file}.lines.json`;
}

interface SourcePosition {
  /** A `file:` URL. */
  readonly url: string;
  /** Counted from 1. */
  readonly line: number;
}

const tables = new Map<string, SourceLines | undefined>();

/**
 * The source of a line.
 *
 * @param url of the file, or its path.
 * @param line counted from 1.
 * @returns undefined for a file that is no part of a bundle, and for lines of the bundler itself.
 */
export function sourcePosition(url: string, line: number): SourcePosition | undefined {
  const file = /^(?:file:\/\/)?(\/.*\.js)$/.test(url) ? pathOf(url) : undefined;
  if (file === undefined) return undefined;
  if (!tables.has(file)) tables.set(file, readTable(file));
  const table = tables.get(file);
  const [index = -1, sourceLine = 0] = table?.lines[line - 1] ?? [];
  const source = table?.sources[index];
  return source === undefined ? undefined : { url: new URL(source, pathToFileURL(file)).href, line: sourceLine };
}

/** A stack whose frames are in the sources; a position there has no column. */
export function inSources(stack: string): string {
  return stack.replaceAll(/((?:file:\/\/)?\/[^\s()]+\.js):(\d+):\d+/g, (frame, url: string, line: string) => {
    const position = sourcePosition(url, Number(line));
    return position === undefined ? frame : `${position.url}:${position.line}`;
  });
}

function pathOf(url: string): string {
  return url.startsWith('file:') ? fileURLToPath(url) : url;
}

/** An unreadable table is no reason to lose the stack of an error. */
function readTable(file: string): SourceLines | undefined {
  try {
    return JSON.parse(readFileSync(linesFileOf(file), 'utf8')) as SourceLines;
  } catch {
    return undefined;
  }
}
