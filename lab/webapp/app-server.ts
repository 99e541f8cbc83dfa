/**
 * The application server's program: `app-server.js ADDRESS PORT STORE:PORT...`, run in each VM of that tier.
 * `/health` is 200 when the whole store answers. SIGTERM ends it.
 */
import { createServer, type IncomingMessage } from 'node:http';
import { fileURLToPath } from 'node:url';
import { VnetError } from '../../core/index.js';
import { PAGES, type Page } from './pages.js';
import { type Answer, answer } from './shop.js';
import { Store } from './store.js';

export const APP_SERVER_PROGRAM = fileURLToPath(import.meta.url);
const SESSION_COOKIE = /(?:^|;\s*)session=(\d{1,9})(?:;|$)/;

const isPage = (text: string): text is Page => (PAGES as readonly string[]).includes(text);

/** `ADDRESS:PORT`; an IPv6 address is everything before the last colon. */
export function parseServer(text: string): { address: string; port: number } {
  const colon = text.lastIndexOf(':');
  return { address: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}

async function handle(store: Store, request: IncomingMessage): Promise<Answer> {
  const url = new URL(request.url ?? '/', 'http://shop');
  const page = url.pathname.slice(1) || 'home';
  try {
    if (page === 'health') {
      await store.ping();
      return { status: 200, html: 'ok\n' };
    }
    if (!isPage(page)) return { status: 404, html: 'no such page\n' };
    const session = Number(SESSION_COOKIE.exec(request.headers.cookie ?? '')?.[1] ?? 0);
    return await answer(store, { page, session, query: url.searchParams });
  } catch (error) {
    const failure = VnetError.from(error);
    return { status: failure.code === 'VNET_ERR_UNREACHABLE' ? 503 : 500, html: `${failure.message}\n` };
  }
}

function serve(address: string, port: number, store: Store): void {
  const server = createServer((request, response) => {
    void handle(store, request).then(({ status, html }) => {
      response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' }).end(html);
    });
  });
  server.on('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
  server.listen(port, address);
  process.once('SIGTERM', () => process.exit(0));
}

if (process.argv[1] === APP_SERVER_PROGRAM) {
  const [, , address = '', port = '', ...stores] = process.argv;
  serve(address, Number(port), new Store(stores.map(parseServer)));
}
