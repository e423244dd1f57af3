import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { ByteReader } from '../codec/byte-reader.ts';
import { ByteWriter } from '../codec/byte-writer.ts';
import { isRegistryErrorCode, RegistryError, RegistryErrorCode } from '../model/errors.ts';
import { type NodeId, type ProcessId, Role } from '../model/node.ts';

/**
 * How two nodes get to know each other before the first message. The dialing side proves the secret first, so that a stranger learns
 * nothing it could guess a secret by; the secret itself never travels.
 *
 *     dialer   -> Hello     := magic:text oldest:u8 newest:u8 cluster:text identity nonce(32)
 *     listener -> Challenge := version:u8 identity nonce(32)         or Refused := code:text reason:text
 *     dialer   -> Proof     := hmac(32)
 *     listener -> Accepted  := hmac(32)                              or Refused
 *
 *     identity := nodeId:text processId:text roles:list(u8) address:text
 *     hmac     := HMAC-SHA-256(secret, side:text SHA-256(Hello) SHA-256(Challenge))
 */
const MAGIC = 'isthmus';
const NONCE_BYTES = 32;
const PROOF_BYTES = 32;

/** Roles in the order of their numbers on the wire. */
export const LINK_ROLES = [Role.Meta, Role.Data, Role.Session] as const;

/** Who stands at the end of a link. */
export interface NodeIdentity {
  readonly nodeId: NodeId;
  readonly processId: ProcessId;
  readonly roles: readonly Role[];
  /** `host:port` at which the node can be dialed. */
  readonly address: string;
}

/** What a node demands of others. */
export interface HandshakeTerms {
  readonly cluster: string;
  /** Shared by all nodes of the cluster; empty on loopback and where mutual TLS decides. */
  readonly secret: string;
  readonly oldestVersion: number;
  readonly newestVersion: number;
}

export interface Hello {
  readonly cluster: string;
  readonly oldestVersion: number;
  readonly newestVersion: number;
  readonly identity: NodeIdentity;
}

export interface Challenge {
  /** The version both sides speak. */
  readonly version: number;
  readonly identity: NodeIdentity;
}

export type Side = 'dialer' | 'listener';

export function encodeHello(terms: HandshakeTerms, identity: NodeIdentity): Uint8Array {
  const writer = new ByteWriter().text(MAGIC).u8(terms.oldestVersion).u8(terms.newestVersion).text(terms.cluster);
  writeIdentity(writer, identity);
  return writer.raw(randomBytes(NONCE_BYTES)).finish();
}

/** @throws RegistryError `malformed` when these are not the first bytes of an Isthmus node. */
export function decodeHello(body: Uint8Array): Hello {
  const reader = new ByteReader(body);
  if (reader.text() !== MAGIC) throw new RegistryError(RegistryErrorCode.Malformed, 'this is no Isthmus node');
  const versions = { oldestVersion: reader.u8(), newestVersion: reader.u8() };
  const cluster = reader.text();
  const identity = readIdentity(reader);
  reader.raw(NONCE_BYTES);
  return { ...versions, cluster, identity };
}

export function encodeChallenge(challenge: Challenge): Uint8Array {
  const writer = new ByteWriter().u8(challenge.version);
  writeIdentity(writer, challenge.identity);
  return writer.raw(randomBytes(NONCE_BYTES)).finish();
}

export function decodeChallenge(body: Uint8Array): Challenge {
  const reader = new ByteReader(body);
  const version = reader.u8();
  const identity = readIdentity(reader);
  reader.raw(NONCE_BYTES);
  return { version, identity };
}

export function encodeRefusal(error: RegistryError): Uint8Array {
  return new ByteWriter().text(error.code).text(error.sentence).finish();
}

export function decodeRefusal(body: Uint8Array): RegistryError {
  const reader = new ByteReader(body);
  const code = reader.text();
  return new RegistryError(isRegistryErrorCode(code) ? code : RegistryErrorCode.Unavailable, reader.text());
}

/** What one side shows the other to prove that it knows the secret; bound to both hellos, so that it is of no use a second time. */
export function proofOf(secret: string, side: Side, hello: Uint8Array, challenge: Uint8Array): Uint8Array {
  const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();
  return createHmac('sha256', secret).update(side).update(digest(hello)).update(digest(challenge)).digest();
}

export function isProof(shown: Uint8Array, expected: Uint8Array): boolean {
  return shown.length === PROOF_BYTES && timingSafeEqual(shown, expected);
}

/**
 * The version two nodes speak with each other, or why they do not belong together.
 *
 * @throws RegistryError `wrong-cluster` with a sentence that names both sides.
 */
export function agreeOn(terms: HandshakeTerms, hello: Hello): number {
  if (hello.cluster !== terms.cluster) {
    throw new RegistryError(RegistryErrorCode.WrongCluster, `this is cluster "${terms.cluster}", not "${hello.cluster}"`);
  }
  const version = Math.min(terms.newestVersion, hello.newestVersion);
  if (version < terms.oldestVersion || version < hello.oldestVersion) {
    const range = ({ oldestVersion, newestVersion }: { oldestVersion: number; newestVersion: number }) =>
      `${oldestVersion} to ${newestVersion}`;
    throw new RegistryError(
      RegistryErrorCode.WrongCluster,
      `protocol versions ${range(terms)} are spoken here, and ${range(hello)} by ${hello.identity.nodeId}; upgrade node by node, one version at a time`,
    );
  }
  return version;
}

export function wrongSecret(nodeId: NodeId, address: string): RegistryError {
  return new RegistryError(RegistryErrorCode.WrongCluster, `node ${nodeId} (${address}) has another cluster secret`);
}

function writeIdentity(writer: ByteWriter, identity: NodeIdentity): void {
  writer.text(identity.nodeId).text(identity.processId);
  writer.list(identity.roles, (role) => writer.u8(LINK_ROLES.indexOf(role)));
  writer.text(identity.address);
}

function readIdentity(reader: ByteReader): NodeIdentity {
  const nodeId = reader.text();
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(nodeId))
    throw new RegistryError(RegistryErrorCode.Malformed, 'a node id has 1 to 64 letters and digits');
  const processId = reader.text() as ProcessId;
  const roles = reader.list((item) => {
    const role = LINK_ROLES[item.u8()];
    if (role === undefined) throw new RegistryError(RegistryErrorCode.Malformed, 'unknown role of a node');
    return role;
  });
  return { nodeId: nodeId as NodeId, processId, roles: [...new Set(roles)], address: reader.text() };
}
