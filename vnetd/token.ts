/** The shared token that daemons show the Proxy, until mutual TLS replaces it: a file that only its owner reads. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { VnetError } from '../core/index.js';

const TOKEN_BYTES = 32;
const TOKEN_MIN_LENGTH = 16;

/** The Proxy makes a missing token (`create`); a host needs a copy of it. */
export async function readToken(path: string, create: boolean): Promise<string> {
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) {
      throw new VnetError(
        'VNET_ERR_REFUSED',
        `${path} can be read by others (mode ${(mode & 0o777).toString(8)})`,
        {
          hint: `chmod 600 ${path}`,
        },
      );
    }
    const token = (await readFile(path, 'utf8')).trim();
    if (token.length < TOKEN_MIN_LENGTH) {
      throw new VnetError(
        'VNET_ERR_INVALID',
        `the token in ${path} is shorter than ${TOKEN_MIN_LENGTH} characters`,
        {
          hint: "copy the Proxy's token file",
        },
      );
    }
    return token;
  } catch (cause) {
    if (cause instanceof VnetError) throw cause;
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    if (missing && create) return makeToken(path);
    throw new VnetError(
      missing ? 'VNET_ERR_NOT_FOUND' : 'VNET_ERR_PRIVILEGE',
      missing ? `there is no token at ${path}` : `cannot read the token at ${path}`,
      { hint: "copy the Proxy's token file there, mode 600", cause },
    );
  }
}

async function makeToken(path: string): Promise<string> {
  const token = randomBytes(TOKEN_BYTES).toString('hex');
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(`${token}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  return token;
}
