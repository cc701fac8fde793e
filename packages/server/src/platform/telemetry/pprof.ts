/**
 * CPU profiles of V8 as pprof (google/pprof, `proto/profile.proto`), which Pyroscope and other stores of profiles read.
 * Loaded only when profiles are pushed.
 */
import type { Profiler } from 'node:inspector';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Function as Callee, Line, Location, Profile, Sample, StringTable, ValueType } from 'pprof-format';
import { sourcePosition } from './source-positions.ts';

const compress = promisify(gzip);
/** Samples of a process that waits. Without them the values are CPU time. */
const idle = '(idle)';

export interface PprofOptions {
  readonly from: Date;
  readonly until: Date;
  readonly samplingMicroseconds: number;
  /** The URL of the directory of the code, which is left out of the names of files. */
  readonly directoryUrl: string;
}

type Node = Profiler.ProfileNode;

/** Encodes the profile, with the number of samples and the CPU nanoseconds of each stack; compressed by gzip, as readers expect. */
export async function encodePprof(profile: Profiler.Profile, options: PprofOptions): Promise<Buffer> {
  const { from, until, samplingMicroseconds, directoryUrl } = options;
  const strings = new StringTable();
  const locations = new Locations(strings, directoryUrl);
  const nanoseconds = strings.dedup('nanoseconds');
  const cpu = new ValueType({ type: strings.dedup('cpu'), unit: nanoseconds });
  const encoded = new Profile({
    sampleType: [new ValueType({ type: strings.dedup('samples'), unit: strings.dedup('count') }), cpu],
    sample: samplesOf(profile, locations, samplingMicroseconds * 1000),
    location: locations.all,
    function: locations.callees,
    stringTable: strings,
    timeNanos: BigInt(from.getTime()) * 1_000_000n,
    durationNanos: (until.getTime() - from.getTime()) * 1_000_000,
    periodType: cpu,
    period: samplingMicroseconds * 1000,
  });
  return compress(encoded.encode());
}

function samplesOf({ nodes, samples = [] }: Profiler.Profile, locations: Locations, nanoseconds: number): Sample[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id])));
  const counts = new Map<number, number>();
  for (const id of samples) counts.set(id, (counts.get(id) ?? 0) + 1);
  return [...counts].flatMap(([id, count]) => {
    if (byId.get(id)?.callFrame.functionName === idle) return [];
    const stack = stackOf(id, byId, parents);
    return [new Sample({ locationId: stack.map((node) => locations.idOf(node)), value: [count, count * nanoseconds] })];
  });
}

/** The innermost function first; without V8's root, which every stack has. */
function stackOf(leaf: number, byId: ReadonlyMap<number, Node>, parents: ReadonlyMap<number, number>): Node[] {
  const stack: Node[] = [];
  for (let id: number | undefined = leaf; id !== undefined; id = parents.get(id)) {
    const node = byId.get(id);
    if (node !== undefined && parents.has(id)) stack.push(node);
  }
  return stack;
}

/** A location for each function of the code, in the order in which they are found. */
class Locations {
  readonly all: Location[] = [];
  readonly callees: Callee[] = [];
  readonly #strings: StringTable;
  readonly #directoryUrl: string;
  readonly #ids = new Map<string, number>();

  constructor(strings: StringTable, directoryUrl: string) {
    this.#strings = strings;
    this.#directoryUrl = directoryUrl;
  }

  idOf({ callFrame: { functionName, url, scriptId, lineNumber, columnNumber } }: Node): number {
    const key = `${scriptId}:${lineNumber}:${columnNumber}:${functionName}`;
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.all.length + 1;
    this.#ids.set(key, id);
    const position = sourcePosition(url, lineNumber + 1) ?? { url, line: lineNumber + 1 };
    const name = this.#strings.dedup(functionName === '' ? '(anonymous)' : functionName);
    const isBelow = position.url.startsWith(this.#directoryUrl);
    const file = isBelow ? position.url.slice(this.#directoryUrl.length) : position.url;
    // V8 gives none to its own entries.
    const line = Math.max(position.line, 0);
    this.callees.push(new Callee({ id, name, systemName: name, filename: this.#strings.dedup(file), startLine: line }));
    this.all.push(new Location({ id, line: [new Line({ functionId: id, line })] }));
    return id;
  }
}
