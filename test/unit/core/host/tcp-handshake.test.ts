import { describe, expect, it } from 'vitest';
import {
  agreeOn,
  decodeChallenge,
  decodeHello,
  decodeRefusal,
  encodeChallenge,
  encodeHello,
  encodeRefusal,
  type HandshakeTerms,
  isProof,
  type NodeIdentity,
  proofOf,
} from '../../../../core/host/tcp-handshake.ts';
import { type NodeId, processId, RegistryError, RegistryErrorCode, Role } from '../../../../core/index.ts';

const TERMS: HandshakeTerms = { cluster: 'blue', secret: 'a secret', oldestVersion: 2, newestVersion: 3 };
const IDENTITY: NodeIdentity = {
  nodeId: 'n-1' as NodeId,
  processId: processId('n-1' as NodeId, 'p'),
  roles: [Role.Data, Role.Session],
  address: '10.0.0.1:9700',
};
const helloOf = (terms: HandshakeTerms) => decodeHello(encodeHello(terms, IDENTITY));
const malformed = expect.objectContaining({ name: 'RegistryError', code: RegistryErrorCode.Malformed });

describe('the handshake of a link', () => {
  it('carries who dials and who listens', () => {
    expect(helloOf(TERMS)).toEqual({ cluster: 'blue', oldestVersion: 2, newestVersion: 3, identity: IDENTITY });
    expect(decodeChallenge(encodeChallenge({ version: 3, identity: IDENTITY }))).toEqual({ version: 3, identity: IDENTITY });
    const error = new RegistryError(RegistryErrorCode.Conflict, 'twice');
    expect(decodeRefusal(encodeRefusal(error))).toMatchObject({ code: RegistryErrorCode.Conflict, message: 'conflict: twice' });
  });

  it('is different each time, so that what was recorded is of no use', () => {
    expect(encodeHello(TERMS, IDENTITY)).not.toEqual(encodeHello(TERMS, IDENTITY));
  });

  it('refuses every truncation', () => {
    const hello = encodeHello(TERMS, IDENTITY);
    for (let end = 0; end < hello.length; end += 1) expect(() => decodeHello(hello.subarray(0, end))).toThrow(malformed);
    const challenge = encodeChallenge({ version: 3, identity: IDENTITY });
    for (let end = 0; end < challenge.length; end += 1) expect(() => decodeChallenge(challenge.subarray(0, end))).toThrow(malformed);
    const refusal = encodeRefusal(new RegistryError(RegistryErrorCode.Conflict, 'twice'));
    for (let end = 0; end < refusal.length; end += 1) expect(() => decodeRefusal(refusal.subarray(0, end))).toThrow(malformed);
  });

  it('ends in a value or a named error for every byte that is changed', () => {
    const hello = encodeHello(TERMS, IDENTITY);
    for (let at = 0; at < hello.length; at += 1) {
      for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
        const changed = hello.slice();
        changed[at] = value;
        try {
          decodeHello(changed);
        } catch (caught) {
          expect(caught).toEqual(malformed);
        }
      }
    }
  });

  it.each([
    ['the same', 2, 3, 3],
    ['one newer', 3, 4, 3],
    ['one older', 1, 2, 2],
  ])('agrees on the newest version both speak: %s', (_name, oldestVersion, newestVersion, agreed) => {
    expect(agreeOn(TERMS, helloOf({ ...TERMS, oldestVersion, newestVersion }))).toBe(agreed);
  });

  it.each([
    ['too old', 1, 1],
    ['too new', 4, 5],
  ])('refuses a node that is %s, with a sentence', (_name, oldestVersion, newestVersion) => {
    expect(() => agreeOn(TERMS, helloOf({ ...TERMS, oldestVersion, newestVersion }))).toThrow(
      `wrong-cluster: protocol versions 2 to 3 are spoken here, and ${oldestVersion} to ${newestVersion} by n-1`,
    );
  });

  it('refuses another cluster by name', () => {
    expect(() => agreeOn(TERMS, helloOf({ ...TERMS, cluster: 'green' }))).toThrow('wrong-cluster: this is cluster "blue", not "green"');
  });

  it('takes only a proof of the same secret, the same side and the same greeting', () => {
    const hello = encodeHello(TERMS, IDENTITY);
    const challenge = encodeChallenge({ version: 3, identity: IDENTITY });
    const expected = proofOf('a secret', 'dialer', hello, challenge);
    expect(isProof(proofOf('a secret', 'dialer', hello, challenge), expected)).toBe(true);
    const others = [
      proofOf('another', 'dialer', hello, challenge),
      proofOf('a secret', 'listener', hello, challenge),
      proofOf('a secret', 'dialer', encodeHello(TERMS, IDENTITY), challenge),
      proofOf('a secret', 'dialer', hello, encodeChallenge({ version: 3, identity: IDENTITY })),
      expected.subarray(0, 31),
      new Uint8Array(0),
    ];
    expect(others.map((other) => isProof(other, expected))).toEqual(others.map(() => false));
  });
});
