/** `address:port` as people write it: IPv6 in brackets, the port optional. */
import { InvalidArgumentError } from 'commander';
import { DEFAULT_PORT, type Endpoint } from '../core/index.js';

export function parseEndpoint(text: string): Endpoint {
  const match = /^(?:\[(?<v6>[0-9a-fA-F:.%]+)\]|(?<name>[^:\s]+))(?::(?<port>\d{1,5}))?$/.exec(text);
  const port = Number(match?.groups?.['port'] ?? DEFAULT_PORT);
  const address = match?.groups?.['v6'] ?? match?.groups?.['name'];
  if (address === undefined || port > 65535) {
    throw new InvalidArgumentError('write ADDRESS:PORT, an IPv6 address in brackets: [fd00::1]:7700');
  }
  return { address, port };
}

export function formatEndpoint({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
