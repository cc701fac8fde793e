/** Without a listener a signal ends the process before its `exit` listeners stop the servers that it started. */
export function endWithSignals(): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1));
}
