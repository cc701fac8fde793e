'use strict';

const childProcess = require('child_process');
const os = require('os');
const path = require('path');
const url = require('url');
const findNode = require('./find-node.cjs');

const forwardedSignals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'];

/** Marks a process started by a launcher on an older Node; it must not outlive the launcher. */
const launchedVariable = 'LATCHKEY_LAUNCHED';

const semiSpace = '--max-semi-space-size';

/**
 * Bounds the memory of a long-running process. V8 reads the option only at the start of the process.
 * Without it, the young generation grows to several times 16 MB under load and its pages stay resident: 211 MB instead
 * of 182.
 * One thread of V8 marks beside the event loop, not as many as there are: they compete with it for a core that hashes (ADR 0050).
 * No request allocates in the old generation, where it would keep what it refers to alive until the next full collection
 * (ADR 0060).
 */
const bounds = [semiSpace + '=4', '--concurrent-marking-max-worker-num=1', '--no-allocation-site-pretenuring'];

/**
 * glibc gives threads heaps of their own, of which each keeps what it once needed: 25 MB under load.
 * One heap for all is no bottleneck, because Argon2 has an allocator of its own. An operator's value takes precedence.
 */
const boundedEnvironment = { MALLOC_ARENA_MAX: '1' };

/**
 * Runs a file, TypeScript too, under Node 24: in this process if it is recent enough, else in a child on the bundled Node.
 *
 * @param {string} entry path of the calling launcher, which is started again on the bundled Node.
 * @param {() => string} findScript returns the absolute path of the file to run, in the process that runs it.
 * @param {string[]} scriptArguments
 * @param {{ isLongRunning?: boolean }} [kind] `isLongRunning`: a server, whose memory is bounded at the cost of a
 * restart.
 */
function launch(entry, findScript, scriptArguments, kind) {
  const options = kind && kind.isLongRunning && !isBounded() ? bounds : [];
  if (findNode.isNodeRecentEnough()) {
    if (options.length > 0) restartBounded(entry);
    return runHere(findScript(), scriptArguments);
  }
  const node = findNode.findBundledNode();
  if (node === undefined) return findNode.refuse('this is ' + process.version);
  return runOn(node, entry, options);
}

/** Whether this process was started with a bound, by this launcher or by an operator, whose choice takes precedence. */
function isBounded() {
  return process.execArgv.concat(process.env.NODE_OPTIONS || '').some(function (option) {
    return option.indexOf(semiSpace) >= 0;
  });
}

/**
 * Replaces this process by the launcher with the bound (execve).
 * Returns when that is not supported or would lose the channel to the parent; the process then runs without the bound.
 */
function restartBounded(entry) {
  if (process.channel || !process.execve || process.platform === 'win32') return undefined;
  const command = [process.execPath].concat(bounds, process.execArgv, entry, process.argv.slice(2));
  return process.execve(process.execPath, command, Object.assign({}, boundedEnvironment, process.env));
}

function runHere(script, scriptArguments) {
  // libuv reads the size on first use of the pool, which happens after this line.
  // Argon2 uses one thread per core; the other two keep DNS and file access working while all cores hash.
  if (!process.env.UV_THREADPOOL_SIZE)
    process.env.UV_THREADPOOL_SIZE = String(
      (os.availableParallelism ? os.availableParallelism() : os.cpus().length) + 2,
    );
  enableCompileCache();
  if (process.env[launchedVariable]) endWithLauncher();
  process.argv = [process.execPath, script].concat(scriptArguments);
  // A rejection is unhandled: Node prints the error and exits with 1, as intended.
  void import(url.pathToFileURL(script).href);
}

/**
 * Node's default cache directory is shared by all users of the machine, and anyone who writes there controls the code
 * that runs here.
 * A read-only installation starts without a cache.
 */
function enableCompileCache() {
  const directory = process.env.NODE_COMPILE_CACHE || path.join(findNode.root, 'node_modules', '.cache', 'compile');
  // For the processes that this one forks.
  process.env.NODE_COMPILE_CACHE = directory;
  require('module').enableCompileCache(directory);
}

/**
 * The channel to the launcher closes when the launcher ends in any way, including SIGKILL.
 * Without this, an orphaned server would keep the port and the data directory.
 */
function endWithLauncher() {
  delete process.env[launchedVariable];
  if (!process.channel) return;
  process.once('disconnect', function () {
    process.kill(process.pid, 'SIGTERM');
  });
  process.channel.unref();
}

/**
 * Starts the launcher `entry` again under another Node with the arguments of this process.
 * Forwards signals, and ends like the child: with its exit code or by its signal.
 *
 * @param {string} node path of the executable.
 * @param {string} entry
 * @param {string[]} [options] for Node, before those of this process.
 */
function runOn(node, entry, options) {
  const environment = Object.assign({}, (options || []).length > 0 ? boundedEnvironment : {}, process.env);
  environment[launchedVariable] = '1';
  const child = childProcess.spawn(node, (options || []).concat(process.execArgv, entry, process.argv.slice(2)), {
    env: environment,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  // A signal to the whole group reaches the child twice; the server treats repeats within two seconds as one.
  forwardedSignals.forEach(function (signal) {
    process.on(signal, function () {
      child.kill(signal);
    });
  });
  child.on('error', function (error) {
    findNode.refuse('and the bundled one does not start (' + error.message + ')');
  });
  child.on('exit', function (code, signal) {
    if (signal === null) process.exit(code);
    forwardedSignals.forEach(function (name) {
      process.removeAllListeners(name);
    });
    // Ends by the child's signal, so that the shell sees the signal instead of an invented exit code.
    process.kill(process.pid, signal);
  });
}

module.exports = { launch, runOn };
