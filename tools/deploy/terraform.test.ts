import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../steps.ts';
import { moduleFaults, readModule } from './terraform.ts';

const directory = join(root, 'deploy/terraform');
const names = readdirSync(directory).filter((file) => file.endsWith('.tf'));
const files = Object.fromEntries(names.map((file) => [file, readFileSync(join(directory, file), 'utf8')]));

it('the module parses and breaks no rule', async () => {
  expect(names.toSorted()).toEqual(['main.tf', 'network.tf', 'outputs.tf', 'variables.tf', 'versions.tf']);
  expect(moduleFaults(await readModule(files))).toEqual([]);
});

it('its README says that it is not applied here', () => {
  expect(readFileSync(join(directory, 'README.md'), 'utf8')).toContain('**Not applied here:**');
});

/** A file, a text in it, what replaces the text, and the sentence that names the fault. */
const planted = [
  ['main.tf', `"aws-sm:\${var.secret_prefix}/kek"`, '"0123456789"', 'LATCHKEY_KEK is no reference'],
  ['main.tf', `"aws-sm:\${var.secret_prefix}/database-url"`, '"postgres://a:b@c/d"', 'literal secret'],
  ['main.tf', 'name              = var.name\n', 'name = var.name\n  api_key = "x"\n', 'literal secret'],
  ['main.tf', 'readonlyRootFilesystem = true', 'readonlyRootFilesystem = false', 'write to its image'],
  ['main.tf', '"65532:65532"', '"0:0"', 'may run as root'],
  ['main.tf', '["ALL"]', '["NET_RAW"]', 'keeps capabilities'],
  ['main.tf', 'stopTimeout = 60', 'stopTimeout = 30', 'killed before'],
  ['main.tf', 'rollback = true', 'rollback = false', 'a failed release stays'],
  ['main.tf', 'deployment_minimum_healthy_percent = 100', 'deployment_minimum_healthy_percent = 50', 'fewer tasks'],
  ['main.tf', '  retention_in_days = 90\n', '', 'kept for ever'],
  ['network.tf', 'referenced_security_group_id = var.balancer_group_id', 'cidr_ipv4 = "0.0.0.0/0"', 'admits addresses'],
  ['network.tf', '"/readyz"', '"/livez"', 'does not ask /readyz'],
  ['variables.tf', '@sha256:[0-9a-f]{64}$', '.', 'without a digest'],
  ['variables.tf', '  type        = string\n', '', 'variable name has no type'],
  [
    'outputs.tf',
    '  description = "The task definition that migrates the schema."\n',
    '',
    'migration_task has no description',
  ],
  ['versions.tf', '      version = "~> 6.0"\n', '', 'no version of a provider'],
  ['versions.tf', '  required_version = ">= 1.9.0"\n', '', 'no version of Terraform'],
] as const;

it.each(planted)('a fault in %s is named (%#)', async (file, text, replacement, sentence) => {
  expect(files[file]).toContain(text);
  const faulty = { ...files, [file]: files[file]!.replace(text, replacement) };
  expect(moduleFaults(await readModule(faulty)).join('\n')).toContain(sentence);
});

it('a syntax error is named with its line', async () => {
  await expect(readModule({ 'main.tf': 'resource "aws_ecs_service" "x" {\n' })).rejects.toThrow('main.tf:1');
});
