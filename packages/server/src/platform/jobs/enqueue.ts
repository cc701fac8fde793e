import { assert } from '#kernel/assert.ts';
import { type Fragment, type JsonValue, type Queries, statement, type Values } from '#platform/database/index.ts';
import { currentTraceparent } from '#platform/telemetry/index.ts';

/** A new job. The caller makes the `id`, so that other rows of the effect can refer to it. */
export interface NewJob {
  readonly id: string;
  readonly kind: string;
  readonly payload: JsonValue;
  readonly now: Date;
  /** When it is due; `now` by default. */
  readonly runAt?: Date;
  /** At most one job with this key is queued or leased; another one is not enqueued. */
  readonly singletonKey?: string;
}

const enqueue = statement('jobs.enqueue', {
  lane: 'pool',
  sql: `
    insert into jobs (id, kind, payload, singleton_key, run_at, created_at, traceparent)
    values (:id, :kind, :payload, :singletonKey, :runAt, :now, :traceparent)
    on conflict (singleton_key) where state = 'queued' and singleton_key is not null do nothing`,
  params: {
    id: 'uuid',
    kind: 'text',
    payload: 'jsonb',
    singletonKey: 'text?',
    runAt: 'timestamptz',
    now: 'timestamptz',
    traceparent: 'text?',
  },
  columns: {},
  after: { wakesWorkers: true },
});

/** Enqueues a job in the transaction of an effect. False when a job with the same singleton key exists. */
export async function enqueueJob(queries: Queries, job: NewJob): Promise<boolean> {
  const { id, kind, payload, now, runAt = now, singletonKey = null } = job;
  const traceparent = currentTraceparent();
  return (await queries.run(enqueue, { id, kind, payload, singletonKey, runAt, now, traceparent })) === 1;
}

/** The parameters that the fragment `as` adds to its statement. */
type EnqueueShape<As extends string> = { readonly [K in `${As}Id`]: 'uuid' } & {
  readonly [K in `${As}Now`]: 'timestamptz';
} & { readonly [K in `${As}Trace`]: 'text?' };

/** One CTE of the name `as`, and a function for its parameters. */
export interface EnqueueFragment<As extends string> extends Fragment<EnqueueShape<As>> {
  values(job: { readonly id: string; readonly now: Date }): Values<EnqueueShape<As>>;
}

/**
 * The same for a single statement: the CTE `as`, which enqueues one job for each row of an earlier CTE. The statement
 * declares `after.wakesWorkers`.
 *
 * @param part `as`: the name of the CTE and the prefix of its parameters, one lower-case word; `from`: an earlier CTE,
 * whose RETURNING decides whether there is a job; `payload`: an SQL expression over it.
 */
export function enqueueFragment<const As extends string>(part: {
  readonly as: As;
  readonly kind: string;
  readonly from: string;
  readonly payload: string;
}): EnqueueFragment<As> {
  assert(/^[a-z][a-z0-9]*$/.test(part.as), `fragment name "${part.as}" is not one lower-case word`);
  assert(/^[a-z_.]+$/.test(part.kind), `job kind "${part.kind}" is not a name`);
  const id = `${part.as}Id` as const;
  const now = `${part.as}Now` as const;
  const trace = `${part.as}Trace` as const;
  return {
    sql: `${part.as} as (
      insert into jobs (id, kind, payload, run_at, created_at, traceparent)
      select :${id}, '${part.kind}', ${part.payload}, :${now}, :${now}, :${trace} from ${part.from}
    )`,
    params: { [id]: 'uuid', [now]: 'timestamptz', [trace]: 'text?' } as EnqueueShape<As>,
    values: (job) => ({ [id]: job.id, [now]: job.now, [trace]: currentTraceparent() }) as Values<EnqueueShape<As>>,
  };
}
