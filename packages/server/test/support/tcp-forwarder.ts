import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** A TCP forwarder like HAProxy or a service address: new connections lead to the current target. */
export interface TcpForwarder extends AsyncDisposable {
  readonly port: number;
  /** New connections lead to this port of 127.0.0.1; those that are open stay where they are. */
  forwardTo(port: number): void;
  /** From now on new connections are closed at once. */
  refuse(): void;
  /** Holds every byte back until `resume`; connections stay open and new ones are accepted, as on a dead network. */
  hold(): void;
  /** Delays what the target sends by so long, until `resume`. */
  delay(ms: number): void;
  /** Ends `hold` and `delay`, and delivers what they held back. */
  resume(): void;
  /** Resets all open connections (RST); new ones work. */
  reset(): void;
}

/** How bytes pass at the moment. */
class Passage {
  isHeld = false;
  delayMs = 0;
  #changed = Promise.withResolvers<void>();

  change(next: { readonly isHeld: boolean; readonly delayMs: number }): void {
    Object.assign(this, next);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Resolves when a byte that arrived at `arrivedMs` may pass. */
  async admits(arrivedMs: number, isDelayed: boolean): Promise<void> {
    for (;;) {
      const leftMs = isDelayed ? arrivedMs + this.delayMs - performance.now() : 0;
      if (!this.isHeld && leftMs <= 0) return;
      const changed = this.#changed.promise;
      await (this.isHeld ? changed : Promise.race([changed, pause(leftMs, undefined, { ref: false })]));
    }
  }
}

/** Starts a forwarder on a free port of 127.0.0.1. */
export async function startTcpForwarder(port: number): Promise<TcpForwarder> {
  const sockets = new Set<Socket>();
  const passage = new Passage();
  let target: number | undefined = port;
  // One direction may end before the other.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (target === undefined) {
      client.destroy();
      return;
    }
    const upstream = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true });
    relay(client, upstream, passage, false);
    relay(upstream, client, passage, true);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      // `close` follows every end of a socket, with or without an error.
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    forwardTo: (next) => {
      target = next;
    },
    refuse: () => {
      target = undefined;
    },
    hold: () => passage.change({ isHeld: true, delayMs: 0 }),
    delay: (delayMs) => passage.change({ isHeld: false, delayMs }),
    resume: () => passage.change({ isHeld: false, delayMs: 0 }),
    reset: () => {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    [Symbol.asyncDispose]: async () => {
      passage.change({ isHeld: false, delayMs: 0 });
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Passes bytes on in their order, then the end. The other side is closed only after it got what was sent before. */
function relay(from: Socket, to: Socket, passage: Passage, isDelayed: boolean): void {
  let passed = Promise.resolve();
  const pass = (deliver: () => void): void => {
    const arrivedMs = performance.now();
    passed = passed.then(async () => {
      await passage.admits(arrivedMs, isDelayed);
      deliver();
    });
  };
  from.on('data', (data) => pass(() => to.writable && to.write(data)));
  from.on('end', () => pass(() => to.end()));
  from.on('close', () => pass(() => to.destroy()));
}
