/** The names of metrics and of recorded series that a PromQL expression reads. */

const keywords = new Set([
  'and',
  'or',
  'unless',
  'bool',
  'offset',
  'by',
  'without',
  'on',
  'ignoring',
  'group_left',
  'group_right',
  'inf',
  'nan',
]);

/**
 * Reads expressions of this repository; `promtool check rules` and Prometheus itself check their syntax. Labels, strings,
 * ranges and the label lists of aggregations are removed; a name that no parenthesis follows is a metric.
 */
export function metricNames(expression: string): string[] {
  const bare = expression
    .replaceAll(/\{(?:[^{}"]|"(?:[^"\\]|\\.)*")*\}/g, ' ')
    .replaceAll(/\[[^\]]*\]/g, ' ')
    .replaceAll(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ')
    .replaceAll(/(?<![\w:])\d[\w.]*/g, ' ');
  const names = [...bare.matchAll(/[A-Za-z_:][\w:]*(?!\s*\(|[\w:])/g)].map(([name]) => name);
  return [...new Set(names)].filter((name) => !keywords.has(name.toLowerCase()));
}
