/** The settings of traces and error reports, by the names of OpenTelemetry and Sentry; and those of profiles. */
import { z } from 'zod';
import { parseCollectorUrl, parseFields, parsePairs, parseRatio } from '#protocol/opentelemetry/index.ts';
import { parseSentryDsn } from '#protocol/sentry-dsn/index.ts';
import { choice, integer, optionalChoice, parsedSecret, parsedText, text } from './setting.ts';

const collectorUrl = { expected: 'an http or https URL without user and query' };
const pairs = { expected: 'name=value, separated by commas, with values in percent-encoding' };

export const traces = z.object({
  endpoint: parsedText(
    {
      env: 'OTEL_EXPORTER_OTLP_ENDPOINT',
      ...collectorUrl,
      fallback: 'none: no traces',
      doc: 'Address of an OpenTelemetry collector, such as `http://otel-collector:4318`; traces go to `/v1/traces` below it. Setting it turns traces on.',
    },
    { parse: parseCollectorUrl, format: String },
  ),
  tracesEndpoint: parsedText(
    {
      env: 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
      ...collectorUrl,
      fallback: '`/v1/traces` below `OTEL_EXPORTER_OTLP_ENDPOINT`',
      doc: 'The whole address for traces, where it differs. Setting it turns traces on, too.',
    },
    { parse: parseCollectorUrl, format: String },
  ),
  protocol: choice(['http/protobuf'], 'http/protobuf', {
    env: 'OTEL_EXPORTER_OTLP_PROTOCOL',
    doc: 'The protocol of the collector; the only one there is.',
  }),
  headers: parsedSecret(
    {
      env: 'OTEL_EXPORTER_OTLP_HEADERS',
      ...pairs,
      fallback: 'none',
      doc: 'Header fields for the collector, such as its API key.',
    },
    parseFields,
  ),
  sampler: optionalChoice(
    [
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ],
    {
      env: 'OTEL_TRACES_SAMPLER',
      fallback: 'a tenth of the session checks, all other operations, and what a trusted proxy decided',
      doc: 'Which requests are traced. The decision of a caller counts only when it is in `LATCHKEY_TRUSTED_PROXIES`.',
    },
  ),
  samplerArgument: parsedText(
    {
      env: 'OTEL_TRACES_SAMPLER_ARG',
      expected: 'a number from 0 to 1',
      fallback: '1',
      doc: 'The share of requests, for the samplers `traceidratio` and `parentbased_traceidratio`.',
    },
    { parse: parseRatio, format: String },
  ),
  serviceName: text({
    env: 'OTEL_SERVICE_NAME',
    expected: 'a name',
    fallback: 'latchkey',
    doc: 'The name of this service in traces.',
  }),
  resource: parsedText(
    {
      env: 'OTEL_RESOURCE_ATTRIBUTES',
      ...pairs,
      fallback: 'none',
      doc: 'Attributes of this process in traces, such as `deployment.environment.name=production`.',
    },
    {
      parse: parsePairs,
      format: (values) =>
        Object.entries(values)
          .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
          .join(','),
    },
  ),
});

export const errorReports = z.object({
  dsn: parsedSecret(
    {
      env: 'SENTRY_DSN',
      expected: 'a DSN such as https://key@sentry.example.com/42',
      fallback: 'none: no reports',
      doc: 'Project at Sentry, or at a service with its protocol, that errors are reported to. A report has the names, codes and places of an error, and nothing of the request.',
    },
    parseSentryDsn,
  ),
  environment: text({
    env: 'SENTRY_ENVIRONMENT',
    expected: 'a name',
    fallback: 'value of `NODE_ENV`',
    doc: 'The environment in these reports.',
  }),
});

export const profiles = z.object({
  url: parsedText(
    {
      env: 'LATCHKEY_PROFILES_URL',
      ...collectorUrl,
      fallback: 'none: no profiles are pushed',
      doc: 'Where CPU profiles are pushed as pprof, such as `https://pyroscope.example.com/ingest` of Pyroscope or Alloy. Setting it turns continuous profiling on. Production requires https.',
    },
    { parse: parseCollectorUrl, format: String },
  ),
  headers: parsedSecret(
    {
      env: 'LATCHKEY_PROFILES_HEADERS',
      ...pairs,
      fallback: 'none',
      doc: 'Header fields for it, such as `X-Scope-OrgID=acme`.',
    },
    parseFields,
  ),
  seconds: integer(1, 3600, 60, {
    env: 'LATCHKEY_PROFILES_SECONDS',
    doc: 'The time that one profile covers.',
  }),
});

/** The settings, and the address for traces. Without it there are none. */
export type TraceSettings = z.output<typeof traces> & { readonly url: string | undefined };

export function completeTraces(settings: z.output<typeof traces>): TraceSettings {
  const { endpoint, tracesEndpoint = endpoint && `${endpoint}/v1/traces` } = settings;
  return { ...settings, url: tracesEndpoint };
}
