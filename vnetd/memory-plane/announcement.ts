/**
 * How a VM says where it is now: a RARP request (RFC 903, as hypervisors send it), a gratuitous ARP (RFC 5227), or an
 * unsolicited neighbour advertisement (RFC 4861).
 */
const [ARP, RARP, IPV4, IPV6, TAG] = [0x0806, 0x8035, 0x0800, 0x86dd, 0x8100];
/** The shortest Ethernet frame. */
const FRAME_BYTES = 60;
const [TYPE, ADDRESSES, TAG_BYTES, ARP_BYTES] = [12, 14, 4, 28];
const SIZES_OF_ADDRESSES = 0x0604;
const REVERSE_REQUEST = 3;
const [IPV6_BYTES, ADVERTISEMENT_BYTES] = [40, 24];
const [ICMPV6, ADVERTISEMENT, SOLICITED] = [58, 136, 0x40];

/** The RARP request of this address. */
export function announcementOf(source: number): Uint8Array {
  const frame = Buffer.alloc(FRAME_BYTES);
  frame.fill(0xff, 0, 6);
  frame.writeUIntBE(source, 6, 6);
  const fields = [RARP, 1, IPV4, SIZES_OF_ADDRESSES, REVERSE_REQUEST];
  fields.forEach((field, i) => frame.writeUInt16BE(field, TYPE + 2 * i));
  frame.writeUIntBE(source, ADDRESSES + 8, 6);
  frame.writeUIntBE(source, ADDRESSES + 18, 6);
  return frame;
}

/** The frame may carry one 802.1Q tag. */
export function isAnnouncement(bytes: Uint8Array): boolean {
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tagged = frame.readUInt16BE(TYPE) === TAG && frame.length >= ADDRESSES + TAG_BYTES;
  const at = tagged ? ADDRESSES + TAG_BYTES : ADDRESSES;
  const type = frame.readUInt16BE(at - 2);
  const body = frame.subarray(at);
  if (type === RARP) return body.length >= ARP_BYTES && body.readUInt16BE(6) === REVERSE_REQUEST;
  if (type === ARP) return body.length >= ARP_BYTES && isGratuitous(body);
  return type === IPV6 && body.length >= IPV6_BYTES + ADVERTISEMENT_BYTES && isUnsolicited(body);
}

/** hardware 2 | protocol 2 | sizes 2 | operation 2 | sender MAC 6, IP 4 | target MAC 6, IP 4 */
function isGratuitous(arp: Buffer): boolean {
  const sender = arp.readUInt32BE(14);
  const isIpv4 = arp.readUInt16BE(2) === IPV4 && arp.readUInt16BE(4) === SIZES_OF_ADDRESSES;
  return isIpv4 && sender !== 0 && sender === arp.readUInt32BE(24);
}

function isUnsolicited(ipv6: Buffer): boolean {
  const isAdvertisement = ipv6[6] === ICMPV6 && ipv6[IPV6_BYTES] === ADVERTISEMENT;
  return isAdvertisement && ((ipv6[IPV6_BYTES + 4] ?? 0) & SOLICITED) === 0;
}
