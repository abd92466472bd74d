import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';

/** The parts of a request that say where it comes from. */
export interface Origin {
  /** The address of the connection. Undefined: it was closed. */
  readonly remoteAddress: string | undefined;
  /** The lines of X-Forwarded-For in their order, joined by commas. */
  readonly forwardedFor: string | undefined;
}

/**
 * Returns the addresses of proxies whose X-Forwarded-For counts, from a list such as `loopback, 10.0.0.0/8`; undefined if an
 * element is neither an address, a CIDR range nor `loopback`.
 */
export function readTrustedProxies(list: string): BlockList | undefined {
  const proxies = new BlockList();
  for (const element of list.split(',')) {
    const text = element.trim();
    if (text === 'loopback') {
      proxies.addSubnet('127.0.0.0', 8, 'ipv4');
      proxies.addAddress('::1', 'ipv6');
      continue;
    }
    const [, network = '', bits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
    const version = isIP(network);
    const longest = version === 4 ? 32 : 128;
    if (version === 0 || Number(bits ?? longest) > longest) return undefined;
    proxies.addSubnet(network, Number(bits ?? longest), family(network));
  }
  return proxies;
}

/**
 * Returns the address of the caller: the rightmost one that is not a trusted proxy, of X-Forwarded-For followed by the address of
 * the connection. Each proxy appends the address that it sees, so that everything to the left of the result may be forged. If all
 * are trusted, returns the leftmost. If a trusted proxy has appended something else than an address, returns the address of the
 * connection. Mapped IPv4 addresses are returned as IPv4.
 */
export function addressOf({ remoteAddress = '', forwardedFor }: Origin, proxies: BlockList): string {
  const connection = canonical(remoteAddress);
  let address = connection;
  const rest = forwardedFor?.split(',') ?? [];
  while (isIP(address) !== 0 && proxies.check(address, family(address))) {
    const next = rest.pop();
    if (next === undefined) return address;
    const read = readAddress(next.trim());
    if (read === undefined) return connection;
    address = read;
  }
  return address;
}

/** Returns the group of addresses that one caller may have: an IPv4 address, or an IPv6 network of 64 bits. */
export function networkOf(address: string): string {
  return isIPv6(address) ? `${groupsOf(address).slice(0, 4).join(':')}::/64` : address;
}

/** Reads an address, with or without a port: `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`. */
function readAddress(text: string): string | undefined {
  const inBrackets = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text)?.[1];
  if (inBrackets !== undefined) return isIPv6(inBrackets) ? canonical(inBrackets) : undefined;
  const address = text.replace(/^([^:]*):\d{1,5}$/, '$1');
  return isIP(address) === 0 ? undefined : canonical(address);
}

/** Returns a mapped IPv4 address as IPv4, and an IPv6 address without its zone. */
function canonical(address: string): string {
  if (!isIPv6(address)) return address;
  const bare = address.replace(/%.*$/, '');
  const groups = groupsOf(bare);
  const isMapped = groups.slice(0, 6).join(':') === '0:0:0:0:0:ffff';
  if (!isMapped) return bare;
  const bytes = groups.slice(6).flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
  return bytes.join('.');
}

/** Returns the eight groups of an IPv6 address, without leading zeros. */
function groupsOf(address: string): string[] {
  // The URL parser writes an address in its shortest form, in lower case, without dots.
  const [left = '', right = ''] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const head = left.split(':').filter((group) => group !== '');
  const tail = right.split(':').filter((group) => group !== '');
  return [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}
