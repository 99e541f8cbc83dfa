/** The programs of others that the application is made of. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VnetError } from '../../core/index.js';
import { findProgram } from '../command.js';
import { IMAGE_COUNT } from './shop.js';

/** Program and Debian package. */
const PARTS = [
  { program: 'nginx', debianPackage: 'nginx' },
  { program: 'redis-server', debianPackage: 'redis-server' },
] as const;

const SMALL_IMAGE_BYTES = 5_000;
const LARGE_IMAGE_BYTES = 50_000;
const FOLDER_MODE = 0o755;

/** What to say where a part is missing, with the command that installs it; undefined if all are there. */
export function missingParts(): string | undefined {
  const missing = PARTS.filter(({ program }) => findProgram(program) === undefined);
  if (missing.length === 0) return undefined;
  const packages = missing.map(({ debianPackage }) => debianPackage).join(' ');
  return `needs ${missing.map(({ program }) => program).join(' and ')}: apt-get install --no-install-recommends ${packages}`;
}

/** VNET_ERR_UNSUPPORTED with the command that installs what is missing. */
export function needParts(): void {
  const missing = missingParts();
  if (missing === undefined) return;
  const [what = '', hint = ''] = missing.split(': ');
  throw new VnetError('VNET_ERR_UNSUPPORTED', `the web application ${what}`, { hint: `install it: ${hint}` });
}

const endpoint = (address: string, port: number) =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

export interface NginxOptions {
  /** Configuration, images and temporary files; made if it is not there. */
  directory: string;
  address: string;
  port: number;
  /** Application servers; none for a server of images alone. */
  apps: readonly { address: string; port: number }[];
  /** Where images come from; undefined: from this server itself. */
  images: { address: string; port: number } | undefined;
}

/**
 * One process and no daemon: the process we started is all there is to end. It stays the user that it is; in a user
 * namespace there is no other than root.
 */
function nginxConfiguration({ directory, address, port, apps, images }: NginxOptions): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `  ${kind}_temp_path ${directory}/${kind};`,
  );
  const upstream = (name: string, servers: readonly { address: string; port: number }[]) => [
    `  upstream ${name} {`,
    ...servers.map(
      (server) => `    server ${endpoint(server.address, server.port)} max_fails=1 fail_timeout=1s;`,
    ),
    '    keepalive 32;',
    '  }',
  ];
  const pass = (name: string) =>
    `proxy_pass http://${name}; proxy_http_version 1.1; proxy_set_header Connection "";`;
  return `${[
    'user root root;',
    'daemon off;',
    'master_process off;',
    'error_log stderr;',
    `pid ${directory}/nginx.pid;`,
    'events { worker_connections 1024; }',
    'http {',
    '  access_log off;',
    '  default_type image/jpeg;',
    '  sendfile on;',
    '  tcp_nodelay on;',
    ...temporary,
    ...(apps.length === 0 ? [] : upstream('apps', apps)),
    ...(images === undefined ? [] : upstream('images', [images])),
    '  server {',
    `    listen ${endpoint(address, port)};`,
    images === undefined
      ? `    location /images/ { root ${directory}/static; }`
      : `    location /images/ { ${pass('images')} }`,
    ...(apps.length === 0 ? [] : [`    location / { ${pass('apps')} }`]),
    '  }',
    '}',
  ].join('\n')}\n`;
}

/** The log of the time before the configuration is read is the machine's; from 1.19.5 on it can be another. */
function errorLogWords(): string[] {
  const { stderr } = spawnSync(findProgram('nginx') ?? 'nginx', ['-v'], { encoding: 'utf8' });
  const [major = 0, minor = 0] = /nginx\/([\d.]+)/.exec(stderr)?.[1]?.split('.').map(Number) ?? [];
  return major > 1 || minor >= 20 ? ['-e', 'stderr'] : [];
}

/** Writes what an nginx needs and gives its command line. */
export function prepareNginx(options: NginxOptions): string[] {
  const { directory } = options;
  mkdirSync(join(directory, 'static', 'images'), { recursive: true, mode: FOLDER_MODE });
  if (options.images === undefined) {
    for (let id = 0; id < IMAGE_COUNT; id++) {
      const file = (size: string) => join(directory, 'static', 'images', `${size}-${id}.jpg`);
      writeFileSync(file('small'), randomBytes(SMALL_IMAGE_BYTES));
      writeFileSync(file('large'), randomBytes(LARGE_IMAGE_BYTES));
    }
  }
  const file = join(directory, 'nginx.conf');
  writeFileSync(file, nginxConfiguration(options));
  return [findProgram('nginx') ?? 'nginx', '-p', directory, ...errorLogWords(), '-c', file];
}

/** Makes the directory and gives the command line of a Redis that keeps nothing. */
export function prepareRedis(directory: string, address: string, port: number): string[] {
  mkdirSync(directory, { recursive: true, mode: FOLDER_MODE });
  const settings = {
    ...{ bind: address, port: String(port), dir: directory, 'protected-mode': 'no', daemonize: 'no' },
    ...{ save: '', appendonly: 'no', loglevel: 'warning' },
  };
  return [
    findProgram('redis-server') ?? 'redis-server',
    ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
  ];
}
