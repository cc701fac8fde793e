/** Fault injection: crash tests stop the process between two statements and then check the database. */

/**
 * Returns a hook that sends SIGKILL to this process at the point `named`. Without a name the hook does nothing; config
 * rejects a name outside tests.
 */
export function faultPoint(named: string | undefined): (reached: string) => void {
  return (reached) => {
    if (reached === named) process.kill(process.pid, 'SIGKILL');
  };
}
