import { assert } from '#kernel/assert.ts';
import { type Fragment, type JsonValue, type Queries, statement, type Values } from '#platform/database/index.ts';

/** A job to be. `id` is made by the caller, so that other rows of the effect can name it. */
export interface NewJob {
  readonly id: string;
  readonly kind: string;
  readonly payload: JsonValue;
  readonly now: Date;
  /** When it is due; `now` when not given. */
  readonly runAt?: Date;
  /** At most one job with this key waits or runs at a time; another one is not enqueued. */
  readonly singletonKey?: string;
}

const enqueue = statement('jobs.enqueue', {
  lane: 'pool',
  sql: `
    insert into jobs (id, kind, payload, singleton_key, run_at, created_at)
    values (:id, :kind, :payload, :singletonKey, :runAt, :now)
    on conflict (singleton_key) where state = 'queued' and singleton_key is not null do nothing`,
  params: {
    id: 'uuid',
    kind: 'text',
    payload: 'jsonb',
    singletonKey: 'text?',
    runAt: 'timestamptz',
    now: 'timestamptz',
  },
  columns: {},
  after: { wakesWorkers: true },
});

/**
 * Enqueues a job within an effect's transaction; it exists when that commits.
 * Answers false when one with the same singleton key stands already.
 */
export async function enqueueJob(queries: Queries, job: NewJob): Promise<boolean> {
  const { id, kind, payload, now, runAt = now, singletonKey = null } = job;
  return (await queries.run(enqueue, { id, kind, payload, singletonKey, runAt, now })) === 1;
}

/** The parameters that the fragment `as` adds to its statement. */
type EnqueueShape<As extends string> = { readonly [K in `${As}Id`]: 'uuid' } & {
  readonly [K in `${As}Now`]: 'timestamptz';
};

/** One member of a `with` list, named as asked, and how to fill its parameters. */
export interface EnqueueFragment<As extends string> extends Fragment<EnqueueShape<As>> {
  values(job: { readonly id: string; readonly now: Date }): Values<EnqueueShape<As>>;
}

/**
 * The same inside a hot statement: a member of its `with` list (`as as (insert …)`) that enqueues one job for each row
 * of an earlier member.
 *
 * @param part `as`: name of this member and prefix of its parameters, in snake_case without underscores at the ends;
 * `from`: an earlier member, whose RETURNING decides whether there is a job at all; `payload`: an SQL expression over it.
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
  return {
    sql: `${part.as} as (
      insert into jobs (id, kind, payload, run_at, created_at)
      select :${id}, '${part.kind}', ${part.payload}, :${now}, :${now} from ${part.from}
    )`,
    params: { [id]: 'uuid', [now]: 'timestamptz' } as EnqueueShape<As>,
    values: (job) => ({ [id]: job.id, [now]: job.now }) as Values<EnqueueShape<As>>,
  };
}
