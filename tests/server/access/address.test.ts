import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, BlockList, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, expect, test } from 'vitest';
import { addressOf, networkOf, readTrustedProxies } from '../../../src/server/access/address.ts';

function proxiesOf(list: string): BlockList {
  const proxies = readTrustedProxies(list);
  if (proxies === undefined) throw new TypeError(`${list} is not valid`);
  return proxies;
}

const PROXY = '10.0.0.1';
const PROXIES = proxiesOf('loopback, 10.0.0.0/8, 2001:db8:ffff::/48, 192.0.2.7');

test.each<[header: string | undefined, address: string]>([
  [undefined, PROXY],
  ['198.51.100.1', '198.51.100.1'],
  // The caller may forge everything to the left of the address that the nearest trusted proxy has appended.
  ['203.0.113.9, 198.51.100.1', '198.51.100.1'],
  ['127.0.0.1, 198.51.100.1', '198.51.100.1'],
  ['10.1.1.1, 198.51.100.1', '198.51.100.1'],
  ['<script>, 198.51.100.1', '198.51.100.1'],
  [', , 198.51.100.1', '198.51.100.1'],
  // Several trusted proxies.
  ['198.51.100.1, 10.2.3.4', '198.51.100.1'],
  ['203.0.113.9, 198.51.100.1, 192.0.2.7, 10.2.3.4', '198.51.100.1'],
  ['198.51.100.1,10.2.3.4', '198.51.100.1'],
  ['  198.51.100.1 ,\t10.2.3.4 ', '198.51.100.1'],
  ['203.0.113.9, 192.0.2.8, 10.2.3.4', '192.0.2.8'],
  // All are trusted.
  ['10.9.9.9', '10.9.9.9'],
  ['10.9.9.9, 127.0.0.1', '10.9.9.9'],
  // Ports and IPv6.
  ['198.51.100.1:4711', '198.51.100.1'],
  ['203.0.113.9, 198.51.100.1:4711', '198.51.100.1'],
  ['2001:db8::1', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['[2001:db8::1]:4711', '2001:db8::1'],
  ['2001:db8::1, [2001:db8:ffff::2]:80', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['::ffff:198.51.100.1', '198.51.100.1'],
  ['::ffff:c633:6401', '198.51.100.1'],
  ['[::ffff:198.51.100.1]:80', '198.51.100.1'],
  ['198.51.100.1, ::ffff:10.2.3.4', '198.51.100.1'],
  // A malformed element that a trusted proxy has appended.
  ['', PROXY],
  ['unknown', PROXY],
  ['_hidden', PROXY],
  ['198.51.100.1, unknown', PROXY],
  ['198.51.100.1,', PROXY],
  ['198.51.100.1, 10.2.3.4, ', PROXY],
  ['198.51.100.256', PROXY],
  ['198.51.100', PROXY],
  ['3325256705', PROXY],
  ['0x7f.1', PROXY],
  ['198.51.100.1:port', PROXY],
  ['198.51.100.1:123456', PROXY],
  ['[198.51.100.1]', PROXY],
  ['[2001:db8::1', PROXY],
  ['2001:db8::1]:80', PROXY],
  ['2001:db8:::1', PROXY],
  ['for=198.51.100.1', PROXY],
  ['"198.51.100.1"', PROXY],
  ['198.51.100.1; 203.0.113.9', PROXY],
])('behind a trusted proxy, X-Forwarded-For %j is %s', (forwardedFor, address) => {
  expect(addressOf({ remoteAddress: PROXY, forwardedFor }, PROXIES)).toBe(address);
});

test.each([
  ['198.51.100.1', '198.51.100.1'],
  ['::ffff:198.51.100.1', '198.51.100.1'],
  ['2001:db8::1', '2001:db8::1'],
  ['fe80::1%lo', 'fe80::1'],
  // The connection was closed.
  [undefined, ''],
])(
  'a connection from %s that is no trusted proxy is %s, whatever X-Forwarded-For says',
  (remoteAddress, address) => {
    for (const forwardedFor of ['203.0.113.9', '10.0.0.1', '127.0.0.1, 10.0.0.1', 'unknown', undefined]) {
      expect(addressOf({ remoteAddress, forwardedFor }, PROXIES)).toBe(address);
    }
  },
);

test('a mapped address of a trusted proxy is trusted', () => {
  const origin = { remoteAddress: '::ffff:10.0.0.1', forwardedFor: '198.51.100.1' };
  expect(addressOf(origin, PROXIES)).toBe('198.51.100.1');
  expect(addressOf({ ...origin, remoteAddress: '::ffff:127.0.0.1' }, PROXIES)).toBe('198.51.100.1');
  expect(addressOf({ ...origin, remoteAddress: '::1' }, PROXIES)).toBe('198.51.100.1');
});

test('without trusted proxies the address is that of the connection', () => {
  expect(addressOf({ remoteAddress: PROXY, forwardedFor: '198.51.100.1' }, new BlockList())).toBe(PROXY);
});

test('a long list of trusted addresses is read in linear time', () => {
  const forwardedFor = Array<string>(1000).fill('10.0.0.1').join(',');
  expect(addressOf({ remoteAddress: PROXY, forwardedFor }, PROXIES)).toBe('10.0.0.1');
});

test('several lines of X-Forwarded-For are read in their order', async () => {
  const server = createServer(({ headers, socket }, response) => {
    const forwardedFor = headers['x-forwarded-for'];
    if (Array.isArray(forwardedFor)) throw new TypeError('Node joins the lines');
    response.end(addressOf({ remoteAddress: socket.remoteAddress, forwardedFor }, PROXIES));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => server.close());
  const ask = async (...lines: readonly string[]) => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const head = ['GET / HTTP/1.1', 'Host: localhost', 'Connection: close', ...lines, '', ''];
    socket.write(head.join('\r\n'));
    return (await text(socket)).split('\r\n\r\n').at(-1);
  };
  expect(await ask('X-Forwarded-For: 203.0.113.9', 'x-forwarded-for: 198.51.100.1, 10.2.3.4')).toBe(
    '198.51.100.1',
  );
  expect(await ask('X-Forwarded-For: 198.51.100.1', 'X-Forwarded-For: 10.2.3.4')).toBe('198.51.100.1');
  expect(await ask()).toBe('127.0.0.1');
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:DB8:0:0:ffff::1', '2001:db8:0:0::/64'],
  ['2001:db8:0:1::1', '2001:db8:0:1::/64'],
  ['2001:0db8:0000:0001:aaaa:bbbb:cccc:dddd', '2001:db8:0:1::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::', 'fe80:0:0:0::/64'],
  ['', ''],
])('%s belongs to the network %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});

test.each([
  ['loopback', ['127.0.0.1', '127.9.9.9', '::1'], ['128.0.0.1', '::2']],
  ['192.0.2.1', ['192.0.2.1'], ['192.0.2.2']],
  ['192.0.2.0/24,2001:db8::/32', ['192.0.2.255', '2001:db8:ffff::1'], ['192.0.3.0', '2001:db9::']],
  ['0.0.0.0/0', ['1.2.3.4'], ['::1']],
  ['2000::/3', ['2001:db8::1'], ['1.2.3.4', 'fe80::1']],
  // Node.js compares IPv4 addresses with IPv6 ranges as mapped ones.
  ['::/0', ['2001:db8::1', '1.2.3.4'], []],
  ['::ffff:10.0.0.0/104', ['10.1.2.3'], ['11.0.0.0']],
  ['::ffff:10.0.0.1', ['10.0.0.1'], ['10.0.0.2']],
  ['2001:db8::1', ['2001:db8::1'], ['2001:db8::2']],
])('the list %j trusts %j and does not trust %j', (list, trusted, others) => {
  const proxies = proxiesOf(list);
  const isTrusted = (address: string) => proxies.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
  expect(trusted.filter((address) => !isTrusted(address))).toEqual([]);
  expect(others.filter(isTrusted)).toEqual([]);
});

test.each([
  '',
  ',',
  '192.0.2.1,',
  'proxy.example',
  '192.0.2.0/33',
  '192.0.2.0/',
  '192.0.2.0/-1',
  '192.0.2.0/08/1',
  '2001:db8::/129',
  '[2001:db8::1]',
  'fe80::1%eth0',
  '10/8',
  'Loopback',
])('the list %j is not valid', (list) => {
  expect(readTrustedProxies(list)).toBeUndefined();
});
