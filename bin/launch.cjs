'use strict';

const childProcess = require('child_process');
const os = require('os');
const path = require('path');
const url = require('url');
const findNode = require('./find-node.cjs');

const forwardedSignals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'];

/** Marks the process that a launcher on an older Node started, and that must not outlive it. */
const launchedVariable = 'LATCHKEY_LAUNCHED';

const semiSpace = '--max-semi-space-size';

/**
 * Bounds the memory of a process that stays; V8 reads it only when the process begins.
 * Without it the young generation grows to several times 16 MB under load, and its pages stay: 211 MB instead of 182.
 */
const bounds = [semiSpace + '=4'];

/**
 * Runs a TypeScript file under Node 24: in this process when it is recent enough, else in a child on the bundled Node.
 *
 * @param {string} entry path of the launcher that called, started again on the bundled Node.
 * @param {string} script absolute path of the file to run.
 * @param {string[]} scriptArguments
 * @param {{ stays?: boolean }} [kind] `stays`: a server, whose memory is bounded at the price of starting Node again.
 */
function launch(entry, script, scriptArguments, kind) {
  const options = kind && kind.stays && !isBounded() ? bounds : [];
  if (findNode.isNodeRecentEnough()) {
    if (options.length > 0) beginBounded(entry);
    return runHere(script, scriptArguments);
  }
  const node = findNode.findBundledNode();
  if (node === undefined) return findNode.refuse('this is ' + process.version);
  return runOn(node, entry, options);
}

/** Whether this process was started with a bound, by this launcher or by an operator, whose choice stands. */
function isBounded() {
  return process.execArgv.concat(process.env.NODE_OPTIONS || '').some(function (option) {
    return option.indexOf(semiSpace) >= 0;
  });
}

/**
 * Starts the launcher again with the bound, in this very process.
 * Undefined where Node or the system cannot do that, or a channel to the parent would be lost: then it runs without.
 */
function beginBounded(entry) {
  if (process.channel || !process.execve || process.platform === 'win32') return undefined;
  const again = [process.execPath].concat(bounds, process.execArgv, entry, process.argv.slice(2));
  return process.execve(process.execPath, again, process.env);
}

function runHere(script, scriptArguments) {
  // libuv reads the size when the pool is first used, which no line before this one does.
  // Argon2 takes one thread per core; the other two keep DNS and files moving while all cores hash.
  if (!process.env.UV_THREADPOOL_SIZE)
    process.env.UV_THREADPOOL_SIZE = String(
      (os.availableParallelism ? os.availableParallelism() : os.cpus().length) + 2,
    );
  enableCompileCache();
  if (process.env[launchedVariable]) endWithLauncher();
  process.argv = [process.execPath, script].concat(scriptArguments);
  // Rejected means unhandled: Node prints the error and exits with 1, which is the behaviour wanted.
  void import(url.pathToFileURL(script).href);
}

/**
 * The default directory is shared by all users of the machine, and whoever writes there chooses the code that runs here.
 * A read-only installation simply starts without a cache.
 */
function enableCompileCache() {
  const directory = process.env.NODE_COMPILE_CACHE || path.join(findNode.root, 'node_modules', '.cache', 'compile');
  require('module').enableCompileCache(directory);
}

/**
 * The channel to the launcher closes when the launcher dies, however it dies, SIGKILL included.
 * A server without its launcher would keep the port and the data directory with nobody left to stop it.
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
 * Starts the launcher `entry` again, with this process's arguments, under another Node.
 * Passes signals on, and ends as the child ends: with its code, or by its signal.
 *
 * @param {string} node path of the program.
 * @param {string} entry
 * @param {string[]} [options] of Node, before those that this process was started with.
 */
function runOn(node, entry, options) {
  const environment = Object.assign({}, process.env);
  environment[launchedVariable] = '1';
  const child = childProcess.spawn(node, (options || []).concat(process.execArgv, entry, process.argv.slice(2)), {
    env: environment,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  // A signal to the whole group reaches the child twice; the server counts repeats within two seconds as one.
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
    // Dies as the child died, so that the shell sees the signal and not an invented code.
    process.kill(process.pid, signal);
  });
}

module.exports = { launch, runOn };
