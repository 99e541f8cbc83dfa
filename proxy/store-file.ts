/** The Proxy's state on disk, where no shared store is asked for. */
import type { Store } from '../core/index.js';
import { FileStore } from '../vnetd/index.js';

/**
 * A JSON file a key in `directory` (made with mode 0700 where it is missing; files 0600). A write goes to a new
 * file, is synced, renamed over the old one, and the directory synced: a crash leaves the old value or the new.
 * Nothing is touched before the first call; calls reject with `VNET_ERR_PRIVILEGE` where the directory cannot be
 * made and with `VNET_ERR_INVALID` where a file is not JSON.
 */
export function createFileStore(directory: string): Store {
  let opening: Promise<FileStore> | undefined;
  const opened = () => {
    opening ??= FileStore.open(directory).catch((thrown) => {
      opening = undefined;
      throw thrown;
    });
    return opening;
  };
  return {
    read: async (key) => (await opened()).read(key),
    write: async (key, value) => (await opened()).write(key, value),
    remove: async (key) => (await opened()).remove(key),
  };
}
