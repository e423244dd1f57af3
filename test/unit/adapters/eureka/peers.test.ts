import { describe, expect, it } from 'vitest';
import { PeerAddresses } from '../../../../adapters/eureka/peers.ts';

describe('addresses of peers', () => {
  const peers = new PeerAddresses('10.0.0.1, ::1,fd00::2');
  it.each([
    ['10.0.0.1', true],
    ['::ffff:10.0.0.1', true],
    ['::1', true],
    ['fd00::2', true],
    ['10.0.0.2', false],
    ['10.0.0.11', false],
    ['::ffff:10.0.0.2', false],
    ['', false],
  ])('%j is one: %s', (address, expected) => {
    expect(peers.has(address)).toBe(expected);
  });

  it('are none by default', () => {
    expect(new PeerAddresses('').has('127.0.0.1')).toBe(false);
    expect(new PeerAddresses(' , ').has('')).toBe(false);
  });

  it('are refused when they are none', () => {
    expect(() => new PeerAddresses('10.0.0.1,eureka1')).toThrow('"eureka1" is no IP address');
  });
});
