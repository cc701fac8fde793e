/**
 * Positions in the bundle of the program (ADR 0058) as positions in its sources, for stacks and profiles. The bundler writes a
 * table of lines beside each file, which is read when the first position in that file is wanted.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

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

/** The directory of the bundle beside the sources. In the bundle too, the address of a module is the one of its source. */
const bundleUrl = new URL('../../../dist/', import.meta.url).href;

/** Bounded by the files of the bundle: a position in another file reads nothing. */
const tables = new Map<string, SourceLines>();

/**
 * The source of a line.
 *
 * @param url of the file, or its path.
 * @param line counted from 1.
 * @returns undefined for a file that is no part of the bundle, and for lines of the bundler itself.
 */
export function sourcePosition(url: string, line: number, directoryUrl = bundleUrl): SourcePosition | undefined {
  const directory = [directoryUrl, fileURLToPath(directoryUrl)].find((prefix) => url.startsWith(prefix));
  const name = directory === undefined ? undefined : fileName.exec(url.slice(directory.length))?.[0];
  const table = name === undefined ? undefined : tableOf(fileURLToPath(directoryUrl) + name);
  const [index = -1, sourceLine = 0] = table?.lines[line - 1] ?? [];
  const source = table?.sources[index];
  return source === undefined ? undefined : { url: new URL(source, directoryUrl).href, line: sourceLine };
}

const fileName = /^[\w-]{1,100}\.js$/;
const framePosition = /^([\w-]{1,100}\.js):(\d{1,9}):\d{1,9}/;

/**
 * A stack whose frames are in the sources; a position there has no column. A message that looks like a frame, which may be
 * hostile, reads no file outside the bundle.
 */
export function inSources(stack: string, directoryUrl = bundleUrl): string {
  const frames = stack.split('\n');
  return frames.map((frame) => frameInSources(frame, directoryUrl)).join('\n');
}

function frameInSources(frame: string, directoryUrl: string): string {
  for (const prefix of [directoryUrl, fileURLToPath(directoryUrl)]) {
    const start = frame.indexOf(prefix);
    const [position, name = '', line] = start < 0 ? [] : (framePosition.exec(frame.slice(start + prefix.length)) ?? []);
    const found = position === undefined ? undefined : sourcePosition(prefix + name, Number(line), directoryUrl);
    if (position === undefined || found === undefined) continue;
    return `${frame.slice(0, start)}${found.url}:${found.line}${frame.slice(start + prefix.length + position.length)}`;
  }
  return frame;
}

/** An unreadable table is no reason to lose the stack of an error. */
function tableOf(file: string): SourceLines | undefined {
  const known = tables.get(file);
  if (known !== undefined) return known;
  try {
    const table = JSON.parse(readFileSync(linesFileOf(file), 'utf8')) as SourceLines;
    tables.set(file, table);
    return table;
  } catch {
    return undefined;
  }
}
