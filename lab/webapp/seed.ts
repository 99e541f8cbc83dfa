/** Fills the store: `seed.js BOOKS STORE:PORT...`, run where the store is reached. Waits until it answers. */
import { fileURLToPath } from 'node:url';
import { parseServer } from './app-server.js';
import { Store } from './store.js';

export const SEED_PROGRAM = fileURLToPath(import.meta.url);
const WAIT_MS = 15_000;
const AGAIN_MS = 50;

async function seed(books: number, store: Store): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    try {
      await store.ping();
      break;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
  await store.seed(books);
  store.close();
}

if (process.argv[1] === SEED_PROGRAM) {
  const [, , books = '', ...stores] = process.argv;
  seed(Number(books), new Store(stores.map(parseServer))).catch((error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  });
}
