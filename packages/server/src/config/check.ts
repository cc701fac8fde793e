/** Validates each value by the schema, and describes those that it rejects. */
import { assert } from '#kernel/assert.ts';
import { type Setting, type Settings, settings, settingsSchema } from './schema.ts';
import type { Given } from './sources.ts';

interface CheckedValues {
  /** Without the malformed values, so with their defaults. */
  readonly settings: Settings;
  readonly mistakes: readonly string[];
  /** Keys of the malformed values. */
  readonly invalid: readonly string[];
}

export function checkValues(given: ReadonlyMap<string, Given>): CheckedValues {
  const malformed = findMalformed(given);
  const invalid = malformed.map(({ setting }) => setting.key);
  const valid = new Map([...given].filter(([key]) => !invalid.includes(key)));
  return { settings: settingsSchema.parse(toObject(valid)), mistakes: malformed.map(describeMalformed), invalid };
}

interface Malformed {
  readonly setting: Setting;
  readonly found: Given;
  /** The reason of the setting's parser, if it has one. */
  readonly reason: string | undefined;
}

function findMalformed(given: ReadonlyMap<string, Given>): Malformed[] {
  const checked = settingsSchema.safeParse(toObject(given));
  if (checked.success) return [];
  return settings.flatMap((setting) => {
    const issue = checked.error.issues.find(({ path }) => `${path.join('.')}.`.startsWith(`${setting.key}.`));
    if (issue === undefined) return [];
    const found = given.get(setting.key);
    assert(found !== undefined, `the schema rejected "${setting.key}", which has no value`);
    const reason: unknown = issue.code === 'custom' ? issue.params?.reason : undefined;
    return [{ setting, found, reason: typeof reason === 'string' ? reason : undefined }];
  });
}

function describeMalformed({ setting, found: { name, value }, reason }: Malformed): string {
  const why = reason === undefined ? '.' : `: ${reason}.`;
  if (setting.secret) return `${name} must be ${setting.expected}${why}`;
  const hint = setting.hint(value);
  const shown = JSON.stringify(value).slice(0, 100);
  return `${name} must be ${setting.expected}; it is ${shown}${why}${hint === undefined ? '' : ` ${hint}.`}`;
}

type Tree = { [name: string]: unknown };

/** Nests the values as the schema expects. It creates all groups, because zod applies a default only inside an object. */
function toObject(given: ReadonlyMap<string, Given>): Tree {
  const root: Tree = {};
  for (const { path, key } of settings) {
    let group = root;
    for (const name of path.slice(0, -1)) {
      const child = (group[name] ?? {}) as Tree;
      group[name] = child;
      group = child;
    }
    const found = given.get(key);
    if (found !== undefined) group[path.at(-1) ?? ''] = found.value;
  }
  return root;
}
