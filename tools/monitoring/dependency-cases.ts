/** Cases of alerts about dependencies, jobs and keys. */
import { type AlertCase, counter, gauge, node, onNode, type Series } from './series.ts';

const readiness = (check: string, value: number): Series => ({ [`readiness{${node},check="${check}"}`]: gauge(value) });
const deliveries = (slow: number): Series => ({
  [`mail_delivery_seconds_bucket{${node},le="5"}`]: counter(100 - slow),
  [`mail_delivery_seconds_bucket{${node},le="300"}`]: counter(100),
  [`mail_delivery_seconds_bucket{${node},le="+Inf"}`]: counter(100),
});
const everyMinutes = 1;

export const dependencyCases: readonly AlertCase[] = [
  {
    alert: 'LatchkeyNotReady',
    everyMinutes,
    minute: 4,
    fires: {
      series: readiness('database', 0),
      labels: { ...onNode, check: 'database' },
      summary: 'a:5626 is not ready: the check database fails.',
    },
    // Requests work without Redis.
    quiet: { ...readiness('database', 1), ...readiness('redis', 0) },
  },
  {
    alert: 'LatchkeyReconnects',
    everyMinutes,
    minute: 12,
    fires: {
      series: { [`db_reconnects_total{${node},lane="write"}`]: counter(1) },
      labels: { ...onNode, lane: 'write' },
      summary: 'a:5626 lost or could not open 10 connections of the lane write.',
    },
    // A restart of PostgreSQL.
    quiet: { [`db_reconnects_total{${node},lane="write"}`]: '0x5 4x20' },
  },
  {
    alert: 'LatchkeyMailSlow',
    everyMinutes,
    minute: 30,
    fires: { series: deliveries(10), summary: 'One in twenty mails takes longer than 2m 32s.' },
    quiet: deliveries(5),
  },
  {
    alert: 'LatchkeyJobsOverdue',
    everyMinutes,
    minute: 7,
    fires: {
      series: { [`jobs_oldest_due_seconds{${node},kind="erase.due"}`]: gauge(660) },
      labels: { kind: 'erase.due' },
      summary: 'A job of the kind erase.due has been due for 11m 0s.',
    },
    quiet: { [`jobs_oldest_due_seconds{${node},kind="erase.due"}`]: gauge(590) },
  },
  {
    alert: 'LatchkeyDeadJobs',
    everyMinutes,
    minute: 65,
    fires: {
      series: { [`jobs_dead{${node},kind="mail.send"}`]: '1x30 3x40' },
      labels: { kind: 'mail.send' },
      summary: 'Jobs of the kind mail.send have used up their attempts; there are 3 now.',
    },
    // They stay for 30 days.
    quiet: { [`jobs_dead{${node},kind="mail.send"}`]: gauge(3) },
  },
  {
    alert: 'LatchkeyCircuitOpen',
    everyMinutes,
    minute: 7,
    fires: {
      series: { [`breaker_open{${node},service="smtp"}`]: gauge(1) },
      labels: { service: 'smtp' },
      summary: 'The service smtp fails so often that requests to it are paused.',
    },
    // It closes between two failures.
    quiet: { [`breaker_open{${node},service="smtp"}`]: '1 1 1 0 1 1 1 1' },
  },
  {
    alert: 'LatchkeyRedisDown',
    everyMinutes,
    minute: 7,
    fires: {
      series: { [`redis_up{${node}}`]: gauge(0) },
      labels: onNode,
      summary: 'a:5626 does not reach Redis, and counts limits by itself.',
    },
    quiet: { [`redis_up{${node}}`]: '0 0 0 1 0 0 0 0' },
  },
  {
    alert: 'LatchkeyTelemetryDropped',
    everyMinutes,
    minute: 35,
    fires: {
      series: { [`telemetry_dropped_total{${node},signal="traces"}`]: counter(2) },
      labels: { ...onNode, signal: 'traces' },
      summary: 'a:5626 dropped 30 traces in a quarter of an hour.',
    },
    quiet: { [`telemetry_dropped_total{${node},signal="traces"}`]: gauge(7) },
  },
  {
    alert: 'LatchkeyTokensReused',
    everyMinutes,
    minute: 61,
    fires: {
      series: { [`refreshes_total{${node},outcome="reused"}`]: counter(1) },
      summary: '60 refresh tokens were presented a second time within an hour.',
    },
    quiet: {
      [`refreshes_total{${node},outcome="reused"}`]: '0x30 9x40',
      [`refreshes_total{${node},outcome="refreshed"}`]: counter(100),
    },
  },
  {
    alert: 'LatchkeySigningKeyOld',
    everyMinutes,
    minute: 65,
    fires: {
      series: { [`signing_key_age_seconds{${node}}`]: gauge(181 * 86_400) },
      summary: 'The signing key has been in use for 181d 0h 0m 0s.',
    },
    quiet: { [`signing_key_age_seconds{${node}}`]: gauge(179 * 86_400) },
  },
];
