/**
 * A migrated embedded database that tests copy: to unpack and migrate one takes four times the CPU of a copy.
 *
 * As vitest's global setup it provides the directory of the template; the first test that copies it creates it.
 */
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';
import { systemClock } from '#kernel/clock.ts';
import { migrateUp, openEmbedded } from '#platform/database/index.ts';

declare module 'vitest' {
  interface ProvidedContext {
    embeddedTemplate: string;
  }
}

/** vitest loads this file once for each project, so the state that projects share cannot be a module variable. */
const run = globalThis as {
  latchkeyEmbeddedTemplate?: { users: number; readonly directory: Promise<string> } | undefined;
};

/** vitest's global setup: called once for each project that needs the template. */
export async function setup(project: TestProject): Promise<void> {
  run.latchkeyEmbeddedTemplate ??= { users: 0, directory: makeDirectory() };
  run.latchkeyEmbeddedTemplate.users += 1;
  project.provide('embeddedTemplate', await run.latchkeyEmbeddedTemplate.directory);
}

/** vitest's global teardown: the last project deletes the template. */
export async function teardown(): Promise<void> {
  const current = run.latchkeyEmbeddedTemplate;
  if (current === undefined) return;
  current.users -= 1;
  if (current.users > 0) return;
  run.latchkeyEmbeddedTemplate = undefined;
  await remove(await current.directory);
}

/** A new data directory with a migrated database; the caller deletes it. */
export async function copyEmbedded(): Promise<string> {
  const template = join(inject('embeddedTemplate'), 'migrated');
  if (!existsSync(template)) await createTemplate(template);
  const directory = await makeDirectory();
  await cp(template, directory, { recursive: true });
  return directory;
}

/** A new empty data directory; the caller deletes it. */
export function makeDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'latchkey-'));
}

/** Deletes a data directory. */
export function remove(directory: string): Promise<void> {
  return rm(directory, { recursive: true, force: true });
}

async function createTemplate(template: string): Promise<void> {
  const directory = await makeDirectory();
  const database = await openEmbedded({ clock: systemClock, dataDirectory: directory });
  await migrateUp(database);
  await database.close();
  try {
    await rename(directory, template);
  } catch (error) {
    // Another worker was first.
    if (!existsSync(template)) throw error;
    await remove(directory);
  }
}
