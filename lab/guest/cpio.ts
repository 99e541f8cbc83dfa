/** A cpio archive in the "newc" form, as Linux unpacks its first file system from (early-userspace/buffer-format.rst). */

export interface ArchiveEntry {
  path: string;
  /** Type and permissions, as `st_mode`. */
  mode: number;
  body?: Buffer;
}

export const FOLDER_MODE = 0o040755;
export const PROGRAM_MODE = 0o100755;

const MAGIC = '070701';
const ALIGNMENT = 4;

export function archiveOf(entries: readonly ArchiveEntry[]): Buffer {
  const trailer = { path: 'TRAILER!!!', mode: 0 };
  return Buffer.concat([...entries, trailer].flatMap((entry, index) => partsOf(entry, index + 1)));
}

function partsOf({ path, mode, body = Buffer.alloc(0) }: ArchiveEntry, inode: number): Buffer[] {
  const name = `${path}\0`;
  // inode, mode, uid, gid, links, mtime, size, device and rdevice (two each), length of the name, checksum
  const fields = [inode, mode, 0, 0, 1, 0, body.length, 0, 0, 0, 0, name.length, 0];
  const head = fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  return [padded(Buffer.from(`${MAGIC}${head}${name}`)), padded(body)];
}

const padded = (part: Buffer): Buffer => Buffer.concat([part, Buffer.alloc(-part.length & (ALIGNMENT - 1))]);
