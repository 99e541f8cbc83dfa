/** Finding who a person means: a VM by name, or anybody by address, in any of the usual spellings. */
import { isMac, type MacAddress, parseMac } from '../core/index.js';
import type { Place } from './lowering/index.js';

export function isMacText(text: string): boolean {
  return isMac(text.toLowerCase().replaceAll('-', ':'));
}

export function findPlace(places: readonly Place[], text: string): Place | undefined {
  const byName = places.find(({ name }) => name === text);
  if (byName || !isMacText(text)) return byName;
  const mac: MacAddress = parseMac(text);
  return places.find(({ macs }) => macs.includes(mac));
}
