/**
 * The texts of OpenTelemetry's settings (OpenTelemetry Specification, "Environment Variable Specification", and W3C Baggage, on
 * which it bases lists of pairs). No I/O.
 */
export { parseCollectorUrl, parseFields, parsePairs, parseRatio } from './settings.ts';
