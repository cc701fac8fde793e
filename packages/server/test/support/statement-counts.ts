/** Round trips that a running product reports in `db_query_duration_seconds`. */
import type { Application } from './application.ts';

const line = /^db_query_duration_seconds_count\{operation="([^"]+)",lane="[^"]+"\} (\d+)$/gm;

/** The names of the round trips that `work` makes, sorted, each as often as it was sent. */
export async function roundTripsOf(app: Application, work: () => Promise<unknown>): Promise<string[]> {
  const before = await counts(app);
  await work();
  const after = await counts(app);
  return [...after]
    .flatMap(([name, count]) => Array.from({ length: count - (before.get(name) ?? 0) }, () => name))
    .sort();
}

async function counts(app: Application): Promise<ReadonlyMap<string, number>> {
  const text = await app.services.metrics.render();
  const summed = new Map<string, number>();
  for (const [, name = '', count = ''] of text.matchAll(line))
    summed.set(name, (summed.get(name) ?? 0) + Number(count));
  return summed;
}
