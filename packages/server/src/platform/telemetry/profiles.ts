/**
 * Profiles of this process, by V8's sampling profilers. They have names of functions and positions in files, and no values: a heap
 * snapshot, which has every key and password in memory, is not offered.
 */
import { setTimeout as pause } from 'node:timers/promises';

export type ProfileKind = 'cpu' | 'heap';

const samplingMicroseconds = 10_000;
const samplingBytes = 32 * 1024;

/** Records one profile at a time. */
export class Profiles {
  #isRecording = false;

  /**
   * Samples for a time: the CPU each 10 ms, or allocations each 32 KiB. Returns JSON that Chrome's DevTools opens (`.cpuprofile`,
   * `.heapprofile`), or undefined while another profile is recorded.
   */
  async record(kind: ProfileKind, seconds: number): Promise<string | undefined> {
    if (this.#isRecording) return undefined;
    this.#isRecording = true;
    try {
      return JSON.stringify(await recordIn(kind, seconds));
    } finally {
      this.#isRecording = false;
    }
  }
}

/** Loads the inspector only here: it opens no port. */
async function recordIn(kind: ProfileKind, seconds: number): Promise<unknown> {
  const { Session } = await import('node:inspector/promises');
  const session = new Session();
  session.connect();
  try {
    if (kind === 'heap') {
      await session.post('HeapProfiler.startSampling', { samplingInterval: samplingBytes });
      await pause(seconds * 1000);
      return (await session.post('HeapProfiler.stopSampling')).profile;
    }
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: samplingMicroseconds });
    await session.post('Profiler.start');
    await pause(seconds * 1000);
    return (await session.post('Profiler.stop')).profile;
  } finally {
    session.disconnect();
  }
}
