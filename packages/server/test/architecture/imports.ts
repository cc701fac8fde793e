import { posix } from 'node:path';
import { type Finding, findingAt, isTest, nodesOf, productPath, type Source } from './source.ts';

const mayImport: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  protocol: ['kernel', 'protocol'],
  config: ['kernel', 'protocol'],
  platform: ['kernel', 'platform'],
  domain: ['kernel', 'protocol', 'platform', 'domain'],
  pages: ['kernel', 'protocol', 'platform', 'domain'],
  flows: ['kernel', 'protocol', 'platform', 'domain', 'pages'],
  app: ['kernel', 'protocol', 'config', 'platform', 'domain', 'pages', 'flows'],
};

/** Layers that are one module: each file is public. */
const layersOfFiles = new Set(['kernel', 'config', 'pages', 'app']);

/** Modules of `platform` that flows and pages use, and domain does not: it holds no HTTP types and no HTML. */
const presentation = new Set(['http', 'html']);

/** The file that alone imports the SDK of OpenTelemetry, which a server without traces must not load. */
const sdkTracer = 'platform/telemetry/sdk-tracer.ts';

const outsideWorld = /^node:(fs|net|http|https|http2|dns|tls|dgram|child_process|worker_threads|cluster)(\/|$)/;

/** A module specifier and its position. */
export type Import = { readonly specifier: string; readonly offset: number };

/** The part of the sources that one directory owns, such as `domain/sessions`, or `kernel`. */
type Module = { readonly layer: string; readonly name: string };

/** Checks the table of layers, that modules are imported by their index.ts, and the form of imports. */
export function checkImports(source: Source): Finding[] {
  const path = productPath(source.path);
  if (path === undefined) return [];
  return [
    ...checkDynamicImports(source),
    ...checkLazyModules(source, path),
    ...importsOf(source).flatMap((found) => checkImport(source, path, found)),
  ];
}

const importsBySource = new WeakMap<Source, readonly Import[]>();

/** Every import and re-export: static, dynamic and in types. Several checks use them, so they are searched for once. */
export function importsOf(source: Source): readonly Import[] {
  const known = importsBySource.get(source) ?? findImports(source);
  importsBySource.set(source, known);
  return known;
}

function findImports(source: Source): Import[] {
  const { staticImports, staticExports, dynamicImports } = source.module;
  const reexports = staticExports.flatMap((statement) => statement.entries.map((entry) => entry.moduleRequest));
  const static_ = [...staticImports.map((statement) => statement.moduleRequest), ...reexports]
    .filter((request) => request !== null)
    .map((request) => ({ specifier: request.value, offset: request.start }));
  const dynamic = dynamicImports
    .map(({ moduleRequest }) => ({
      text: source.text.slice(moduleRequest.start, moduleRequest.end),
      at: moduleRequest,
    }))
    .filter(({ text }) => isLiteral(text))
    .map(({ text, at }) => ({ specifier: text.slice(1, -1), offset: at.start }));
  return unique([...static_, ...dynamic, ...importsInTypes(source)]).sort((a, b) => a.offset - b.offset);
}

function importsInTypes(source: Source): Import[] {
  const types = nodesOf(source.program).filter((node) => node.type === 'TSImportType');
  return types.map((node) => ({ specifier: (node.source as { value: string }).value, offset: node.start }));
}

/** `export { a, b } from 'x'` names its module once for each name. */
function unique(imports: readonly Import[]): Import[] {
  return [...new Map(imports.map((found) => [found.offset, found])).values()];
}

function isLiteral(expression: string): boolean {
  return /^(['"`])[^'"`$]*\1$/.test(expression);
}

function checkDynamicImports(source: Source): Finding[] {
  return source.module.dynamicImports
    .filter(({ moduleRequest: { start, end } }) => !isLiteral(source.text.slice(start, end)))
    .map(({ start }) => findingAt(source, start, 'layers', 'a dynamic import needs a literal path'));
}

/** The SDK of traces is loaded by an `import()` only. */
function checkLazyModules(source: Source, path: string): Finding[] {
  const values = source.module.staticImports.filter(({ entries }) => !entries.every(({ isType }) => isType));
  return values
    .map(({ moduleRequest }) => moduleRequest)
    .filter(
      ({ value }) => value.endsWith('/sdk-tracer.ts') || (value.startsWith('@opentelemetry/') && path !== sdkTracer),
    )
    .map(({ start }) =>
      findingAt(source, start, 'layers', 'the SDK of OpenTelemetry is loaded lazily, by open-tracer.ts alone'),
    );
}

function checkImport(source: Source, path: string, found: Import): Finding[] {
  const report = (rule: 'layers' | 'interfaces' | 'io', sentence: string) => [
    findingAt(source, found.offset, rule, sentence),
  ];
  const own = moduleOf(path);
  const { specifier } = found;
  if (specifier.startsWith('.')) {
    const target = posix.join(posix.dirname(path), specifier);
    if (isSame(moduleOf(target), own)) return [];
    return report('interfaces', `"${specifier}" leaves its module; write #${target}`);
  }
  if (!specifier.startsWith('#')) return checkPackage(source, own, found);
  const target = specifier.slice(1);
  const other = moduleOf(target);
  if (isSame(other, own))
    return report('interfaces', `"${specifier}" is its own module; write ${relativeTo(path, target)}`);
  if (isTest(path)) return other.layer === 'test' ? [] : checkInterface(target, other, report);
  const broken = brokenLayering(own, other, specifier);
  return broken === undefined ? checkInterface(target, other, report) : report('layers', broken);
}

function brokenLayering(own: Module, other: Module, specifier: string): string | undefined {
  if (mayImport[own.layer]?.includes(other.layer) !== true) return `${own.layer} may not import ${other.layer}`;
  if (own.layer === 'domain' && other.layer === 'platform' && presentation.has(other.name)) {
    return `domain imports no HTTP types and no HTML ("${specifier}")`;
  }
  return undefined;
}

function checkInterface(
  target: string,
  other: Module,
  report: (rule: 'interfaces', sentence: string) => Finding[],
): Finding[] {
  if (layersOfFiles.has(other.layer)) return [];
  const folder = `${other.layer}/${other.name}`;
  return target === `${folder}/index.ts` ? [] : report('interfaces', `import ${folder} by its index.ts`);
}

function checkPackage(source: Source, own: Module, { specifier, offset }: Import): Finding[] {
  if (isTest(source.path)) return [];
  if (own.layer === 'kernel' && !specifier.startsWith('node:')) {
    return [findingAt(source, offset, 'layers', `kernel may not import packages ("${specifier}")`)];
  }
  if ((own.layer === 'kernel' || own.layer === 'protocol') && outsideWorld.test(specifier)) {
    return [findingAt(source, offset, 'io', `${own.layer} is pure and may not import "${specifier}"`)];
  }
  return [];
}

/** The module that owns a path inside the sources. */
export function moduleOf(path: string): Module {
  const [layer = '', name = ''] = path.split('/');
  return { layer, name: layersOfFiles.has(layer) || layer === 'test' ? '' : name };
}

function isSame(a: Module, b: Module): boolean {
  return a.layer === b.layer && a.name === b.name;
}

function relativeTo(path: string, target: string): string {
  const relative = posix.relative(posix.dirname(path), target);
  return relative.startsWith('.') ? relative : `./${relative}`;
}
