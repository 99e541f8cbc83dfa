import t from 'tap';
import type { DataPlane, PlaneHandlers } from '../../core/index.js';
import { planeConformance } from './conformance.js';
import { userBed } from './user-bed.js';

type CreateUserPlane = (handlers: PlaneHandlers) => DataPlane;

const NOT_BUILT = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND', 'VNET_ERR_UNSUPPORTED'];

/** The addon, or why there is none; one that is there and does not work is an error. */
async function load(): Promise<CreateUserPlane | string> {
  try {
    const { createUserPlane } = await import('../../native/index.js');
    const create: CreateUserPlane = createUserPlane;
    create({ misses() {}, events() {} }).close();
    return create;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code !== undefined && NOT_BUILT.includes(code)) return message;
    throw error;
  }
}

const create = await load();
if (typeof create === 'string') {
  t.test('the user plane', { skip: `the addon is not built: ${create}` }, async () => {});
} else {
  await planeConformance(t, 'the user plane', () => userBed(create));
}
