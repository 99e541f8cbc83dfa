/** One HTTP request of a browser. */
import { type Agent, request } from 'node:http';

const REQUEST_TIMEOUT_MS = 30_000;

/** The body; rejects on a status of 400 and above, naming it. */
export function get(
  server: { address: string; port: number },
  path: string,
  agent: Agent,
  session: number,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const headers = { cookie: `session=${session}` };
    const asked = request(
      { host: server.address, port: server.port, path, agent, headers, timeout: REQUEST_TIMEOUT_MS },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const body = Buffer.concat(chunks);
          if ((response.statusCode ?? 500) < 400) resolve(body);
          else reject(new Error(`${path}: ${response.statusCode} ${body.toString().trim().slice(0, 100)}`));
        });
      },
    );
    asked.on('timeout', () => asked.destroy(new Error(`${path}: no answer within ${REQUEST_TIMEOUT_MS} ms`)));
    asked.on('error', reject);
    asked.end();
  });
}
