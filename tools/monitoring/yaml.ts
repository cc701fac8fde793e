/** A value that YAML and JSON can both hold. */
export type Plain = string | number | boolean | readonly Plain[] | { readonly [name: string]: Plain | undefined };

/**
 * Block style with one entry per line. Strings are in single quotes, in which PromQL needs no escapes, unless a plain word suffices.
 * Members that are undefined are left out.
 */
export function toYaml(value: Plain, indent = ''): string {
  if (typeof value !== 'object') return `${indent}${scalar(value)}\n`;
  if (Array.isArray(value)) return value.map((item: Plain) => entry(`${indent}-`, item, `${indent}  `)).join('');
  return members(value)
    .map(([name, item]) => entry(`${indent}${scalar(name)}:`, item, `${indent}  `))
    .join('');
}

function members(value: object): readonly (readonly [string, Plain])[] {
  return Object.entries(value).filter(([, item]) => item !== undefined);
}

function entry(lead: string, value: Plain, indent: string): string {
  if (typeof value !== 'object') return `${lead} ${scalar(value)}\n`;
  const isEmpty = Array.isArray(value) ? value.length === 0 : members(value).length === 0;
  if (isEmpty) return `${lead} ${Array.isArray(value) ? '[]' : '{}'}\n`;
  // The first member of a map in a list stands on the line of the dash.
  if (lead.endsWith('-') && !Array.isArray(value)) return `${lead} ${toYaml(value, indent).slice(indent.length)}`;
  return `${lead}\n${toYaml(value, indent)}`;
}

/** YAML 1.1 reads words such as `no` as booleans, so that plain words are those of names alone. */
const plain = /^(?!(?:true|false|null|yes|no|on|off|y|n)$)[A-Za-z_][\w.:/-]*(?<!:)$/i;

function scalar(value: string | number | boolean): string {
  if (typeof value !== 'string' || value.includes('\n')) return JSON.stringify(value);
  return plain.test(value) ? value : `'${value.replaceAll("'", "''")}'`;
}
