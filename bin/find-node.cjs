'use strict';

// Plain CommonJS without newer syntax: these files must parse on any Node, so that an old one gets a readable error.

const fs = require('fs');
const path = require('path');

const requiredMajor = 24;

/** EX_CONFIG of sysexits(3): the environment must change, not the program. */
const exitBadConfiguration = 78;

const root = path.join(__dirname, '..');

/** @returns {boolean} whether the Node that runs this file can run Latchkey. */
function isNodeRecentEnough() {
  return Number(process.versions.node.split('.')[0]) >= requiredMajor;
}

/**
 * The Node provided by the optional dependency of this platform.
 * It is located by path, because both node-linux packages claim the bin name `node` and npm 10 then links neither.
 *
 * @returns {string | undefined} its absolute path.
 */
function findBundledNode() {
  const candidate = path.join(root, 'node_modules', 'node-' + process.platform + '-' + process.arch, 'bin', 'node');
  return fs.existsSync(candidate) ? candidate : undefined;
}

/** Prints in one sentence that no usable Node was found, and exits. */
function refuse(reason) {
  process.stderr.write(
    'Latchkey needs Node.js ' +
      requiredMajor +
      ' or newer, ' +
      reason +
      ': install the version that .nvmrc names, or run "npm ci" with optional dependencies on Linux x64 or arm64.\n',
  );
  process.exit(exitBadConfiguration);
}

module.exports = { findBundledNode, isNodeRecentEnough, refuse, root };
