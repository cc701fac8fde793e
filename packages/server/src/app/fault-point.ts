/** A place where a proof may kill the process, to show what a crash between two statements leaves behind. */

/**
 * The hook that kills this process, as a power cut would, at the named point; nothing when no point is named, which is
 * always so outside tests (the configuration refuses it).
 */
export function faultPoint(named: string | undefined): (reached: string) => void {
  return (reached) => {
    if (reached === named) process.kill(process.pid, 'SIGKILL');
  };
}
