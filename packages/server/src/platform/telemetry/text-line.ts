/** Log lines for reading. They are made from the JSON lines, so both forms are redacted alike. */

interface ErrorFields {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly stack?: string;
  readonly cause?: ErrorFields;
}

interface LineFields extends Readonly<Record<string, unknown>> {
  readonly level?: string;
  readonly time?: number;
  readonly msg?: string;
  readonly error?: ErrorFields;
}

/** On every line of a process, and known to its reader. */
const omitted: ReadonlySet<string> = new Set(['level', 'time', 'msg', 'error', 'service', 'version']);

/** `12:34:56.789 WARN  message  field=value`, and the frames of an error on lines of their own. */
export function textLine(json: string): string {
  const fields = JSON.parse(json) as LineFields;
  const { level = '', time, msg = '', error } = fields;
  const at = time === undefined ? '' : `${new Date(time).toISOString().slice(11, 23)} `;
  const rest = Object.entries(fields)
    .filter(([name]) => !omitted.has(name))
    .map(([name, value]) => `  ${name}=${readable(value)}`);
  return `${at}${level.toUpperCase().padEnd(5)} ${msg}${rest.join('')}\n${describe(error, '  ')}`;
}

function describe(error: ErrorFields | undefined, indent: string): string {
  if (error === undefined) return '';
  const code = error.code === undefined ? '' : ` (${readable(error.code)})`;
  const frames = (error.stack ?? '').split('\n').filter((frame) => frame !== '');
  const lines = [
    `${readable(error.name ?? 'Error')}${code}: ${printable(error.message ?? '')}`,
    ...frames.map(printable),
  ];
  return `${lines.map((line) => `${indent}${line}\n`).join('')}${describe(error.cause, `${indent}  `)}`;
}

function readable(value: unknown): string {
  return typeof value === 'string' && /^[\w./{}:+-]+$/.test(value) ? value : printable(JSON.stringify(value));
}

/** Escapes what moves a terminal's cursor: a message of other code may contain it. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}
