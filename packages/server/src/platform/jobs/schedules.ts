import { addSeconds, type Clock } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import { type Queries, statement } from '#platform/database/index.ts';
import type { JobSchedule } from './job.ts';

const declare = statement('jobs.declare_schedules', {
  lane: 'pool',
  sql: `
    insert into job_schedules (name, next_run_at)
    select name, :now from unnest(:names::text[]) as declared (name)
    on conflict (name) do nothing`,
  params: { names: 'text[]', now: 'timestamptz' },
  columns: {},
});

/** How far the clocks of two nodes may differ before a next run counts as one in the far future. */
const toleranceSeconds = 10;

const due = statement('jobs.due_schedules', {
  lane: 'pool',
  sql: `select s.name from job_schedules s
      join unnest(:names::text[], :latest::timestamptz[]) as declared (name, latest) on declared.name = s.name
    where s.next_run_at <= :now or s.next_run_at > declared.latest`,
  params: { names: 'text[]', latest: 'timestamptz[]', now: 'timestamptz' },
  columns: { name: 'text' },
});

// A next run that is further away than the interval was stored by a clock that was ahead, or by a release with a longer
// interval. It must not stop the schedule for all nodes, so the schedule is due.
// The row lock makes one node the winner; the others wait, read the new time and enqueue nothing.
const enqueue = statement('jobs.enqueue_scheduled', {
  lane: 'pool',
  sql: `
    with won as (
      update job_schedules set last_run_at = :now, next_run_at = :nextRunAt
      where name = :name and (next_run_at <= :now or next_run_at > :latest)
      returning name
    )
    insert into jobs (id, kind, payload, singleton_key, run_at, created_at)
    select :id, :kind, '{}', 'schedule:' || won.name, :now, :now from won
    on conflict (singleton_key) where state = 'queued' and singleton_key is not null do nothing`,
  params: {
    now: 'timestamptz',
    nextRunAt: 'timestamptz',
    latest: 'timestamptz',
    name: 'text',
    id: 'uuid',
    kind: 'text',
  },
  columns: {},
  after: { wakesWorkers: true },
});

interface SchedulesDeps {
  readonly queries: Queries;
  readonly clock: Clock;
  readonly makeId: MakeId;
}

/** Periodic work: the first node after the due time enqueues it. */
export class Schedules {
  readonly #deps: SchedulesDeps;
  readonly #byName: ReadonlyMap<string, JobSchedule>;
  #declared = false;

  constructor(deps: SchedulesDeps, schedules: readonly JobSchedule[]) {
    this.#deps = deps;
    this.#byName = new Map(schedules.map((schedule) => [schedule.name, schedule]));
  }

  /** Enqueues due schedules. Several missed runs are made up for once. */
  async enqueueDue(): Promise<void> {
    const { queries, clock, makeId } = this.#deps;
    const names = [...this.#byName.keys()];
    if (names.length === 0) return;
    const now = clock.now();
    if (!this.#declared) {
      await queries.run(declare, { names, now });
      this.#declared = true;
    }
    const latestOf = ({ everySeconds }: JobSchedule) => addSeconds(now, everySeconds + toleranceSeconds);
    const latest = [...this.#byName.values()].map(latestOf);
    for (const { name } of await queries.rows(due, { names, latest, now })) {
      const schedule = this.#byName.get(name);
      if (schedule === undefined) continue;
      const times = { now, nextRunAt: addSeconds(now, schedule.everySeconds), latest: latestOf(schedule) };
      await queries.run(enqueue, { ...times, name, id: makeId(), kind: schedule.kind });
    }
  }
}
