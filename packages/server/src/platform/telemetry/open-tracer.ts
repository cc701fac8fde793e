/** Loads the SDK of OpenTelemetry, only when traces are exported. */
import type { Tracer, TracerOptions } from './tracer.ts';

/** Loads the SDK, which takes 100 to 160 ms and 10 to 25 MB. */
export async function openTracer(options: TracerOptions): Promise<Tracer> {
  const { SdkTracer } = await import('./sdk-tracer.ts');
  return new SdkTracer(options);
}
