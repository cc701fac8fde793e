/** Alert cases in the format of `promtool test rules`. */
import { alertCases } from './alert-cases.ts';
import { type Alert, alerts } from './alerts.ts';
import { recordingRules } from './objectives.ts';
import { metricNames } from './promql.ts';
import { annotationsOf, ruleGroups } from './rules.ts';
import type { AlertCase } from './series.ts';

/** A scenario of an alert: its series, and the alerts that Prometheus then has. */
interface Scenario {
  readonly alert: Alert;
  readonly series: AlertCase['quiet'];
  readonly minute: number;
  readonly expected: readonly object[];
  /** The metrics that it sets or reads. */
  readonly metrics: ReadonlySet<string>;
}

/**
 * The files for `promtool test rules`, one for each interval, because it evaluates all rules at each.
 * Scenarios without a metric in common share a test: each test costs a database of its own (90 ms).
 */
export function promtoolTests(rules: string, cases: readonly AlertCase[] = alertCases): object[] {
  const intervals = [...new Set(cases.map(({ everyMinutes }) => everyMinutes))];
  return intervals.map((minutes) => {
    const scenarios = cases.filter(({ everyMinutes }) => everyMinutes === minutes).flatMap(scenariosOf);
    return {
      rule_files: [rules],
      evaluation_interval: `${minutes}m`,
      // Otherwise random, and an alert would sometimes miss the first sample of a recorded series.
      group_eval_order: ruleGroups,
      tests: bundle(scenarios).map((bundled) => toTest(bundled, minutes)),
    };
  });
}

function scenariosOf(given: AlertCase): Scenario[] {
  const alert = alerts.find(({ name }) => name === given.alert);
  if (alert === undefined) throw new Error(`there is no alert ${given.alert}`);
  const { fires, quiet, minute } = given;
  const firing = {
    exp_labels: { severity: alert.severity, ...fires.labels },
    exp_annotations: { ...annotationsOf(alert), summary: fires.summary },
  };
  const toScenario = (series: AlertCase['quiet'], expected: readonly object[]): Scenario => {
    const given = Object.keys(series).map((name) => name.replace(/\{.*/, ''));
    return { alert, series, minute, expected, metrics: new Set([...given, ...metricsOf(alert.expression)]) };
  };
  return [toScenario(fires.series, [firing]), toScenario(quiet, [])];
}

/** Those of recorded series instead of the recorded series. */
export function metricsOf(expression: string): string[] {
  return metricNames(expression).flatMap((name) => {
    const recorded = recordingRules.find((rule) => rule.name === name);
    return recorded === undefined ? [name] : metricNames(recorded.expression);
  });
}

function bundle(scenarios: readonly Scenario[]): Scenario[][] {
  const bundles: Scenario[][] = [];
  for (const scenario of scenarios) {
    const isFree = (bundled: readonly Scenario[]) =>
      bundled.every(({ alert, metrics }) => alert !== scenario.alert && metrics.isDisjointFrom(scenario.metrics));
    const free = bundles.find(isFree);
    if (free === undefined) bundles.push([scenario]);
    else free.push(scenario);
  }
  return bundles;
}

function toTest(scenarios: readonly Scenario[], minutes: number): object {
  const series = scenarios.flatMap((scenario) => Object.entries(scenario.series));
  return {
    interval: `${minutes}m`,
    input_series: series.map(([name, values]) => ({ series: name, values })),
    alert_rule_test: scenarios.map(({ alert, minute, expected }) => ({
      eval_time: `${minute}m`,
      alertname: alert.name,
      exp_alerts: expected,
    })),
  };
}
