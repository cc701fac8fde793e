/**
 * A template tag for plain text. It removes the common indentation and the first and last line break, and replaces
 * control characters in values, so that a value cannot start a line of its own.
 */
export function text(parts: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  const indent = smallestIndent(parts.raw.join(''));
  let joined = '';
  parts.forEach((part, index) => {
    joined += part.replaceAll(`\n${indent}`, '\n');
    if (index < values.length) joined += flatten(String(values[index]));
  });
  return joined.replace(/^\n/, '').replace(/\n[ \t]*$/, '\n');
}

function flatten(value: string): string {
  return value.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}

function smallestIndent(template: string): string {
  const indents = [...template.matchAll(/\n([ \t]*)(?=\S)/g)].map((match) => match[1] ?? '');
  return indents.reduce((least, indent) => (indent.length < least.length ? indent : least), indents[0] ?? '');
}
