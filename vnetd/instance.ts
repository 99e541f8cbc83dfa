/** Who a daemon is, beside its name: tells one that comes back from another one of the same name. */
import { randomBytes } from 'node:crypto';
import type { Store } from '../core/index.js';

const INSTANCE_KEY = 'instance';
const INSTANCE_OCTETS = 16;

/** 32 hexadecimal digits, made at the first start and kept with the state. */
export async function instanceOf(store: Store): Promise<string> {
  const known = await store.read(INSTANCE_KEY);
  if (typeof known === 'string') return known;
  const made = randomBytes(INSTANCE_OCTETS).toString('hex');
  await store.write(INSTANCE_KEY, made);
  return made;
}
