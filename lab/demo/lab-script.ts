/** An example as it is for the demo's own lab: namespaces of light VMs are named after the lab. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Stage } from './stage.js';

/** The examples take the lab to be called so. */
const NAMESPACE_IN_EXAMPLES = /\bvl-demo-/g;

/** @returns the script's path. `fill`: what else is to be different */
export function labScript(
  stage: Stage,
  name: string,
  fill: (text: string) => string = (text) => text,
): string {
  const path = join(stage.directory, name);
  const text = fill(readFileSync(stage.example(name), 'utf8'));
  writeFileSync(path, text.replace(NAMESPACE_IN_EXAMPLES, `vl-${stage.lab}-`));
  return path;
}
