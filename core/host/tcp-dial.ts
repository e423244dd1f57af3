import { connect as connectTcp, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../seams/clock.ts';
import { FramedSocket } from './framed-socket.ts';
import { LinkFrame, type ReceivedFrame } from './tcp-frames.ts';
import {
  agreeOn,
  type Challenge,
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
  wrongSecret,
} from './tcp-handshake.ts';
import { type AcceptedLink, DialedLink } from './tcp-link.ts';

/** Both sides must be done with the handshake by then. */
export const HANDSHAKE_MS = 3_000;

/** PEM texts of mutual TLS: the cluster's own authority decides who belongs to it, so host names are not compared. */
export interface LinkTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What a node brings to every handshake. */
export interface HandshakeParts {
  readonly clock: Clock;
  readonly terms: HandshakeTerms;
  readonly identity: () => NodeIdentity;
  readonly tls: LinkTls | undefined;
}

/**
 * Opens a link to `address`. `admit` may refuse the node found there by throwing. `closed` is called once when the link ends.
 *
 * @throws RegistryError `unavailable` when nobody answers, or the code and sentence with which one of the sides refused.
 */
export async function dialLink(
  address: string,
  parts: HandshakeParts,
  admit: (peer: NodeIdentity) => void,
  closed: (link: DialedLink, reason: string) => void,
): Promise<DialedLink> {
  const socket = await openSocket(address, parts);
  return new Promise<DialedLink>((resolve, reject) => {
    let link: DialedLink | undefined;
    const framed = new FramedSocket(socket, parts.clock, LIMITS.handshakeFrameBytes, (reason) => {
      deadline.cancel();
      if (link === undefined) fail(reason);
      else closed(link, reason);
    });
    const fail = (reason: string) =>
      reject(new RegistryError(RegistryErrorCode.Unavailable, `${address} did not finish the handshake: ${reason}`));
    const deadline = parts.clock.schedule(HANDSHAKE_MS, () => {
      if (link === undefined) framed.destroy(`no answer within ${HANDSHAKE_MS} ms`);
    });
    const hello = encodeHello(parts.terms, parts.identity());
    const steps = dialerSteps(hello, parts, address, framed, (challenge) => {
      admit(challenge.identity);
      link = new DialedLink(framed, challenge.identity, challenge.version);
      resolve(link);
    });
    framed.onFrame = (frame) => {
      try {
        steps(frame);
      } catch (caught) {
        const error = RegistryError.from(caught);
        reject(error);
        throw error;
      }
    };
    framed.send(LinkFrame.Hello, hello);
  });
}

function dialerSteps(
  hello: Uint8Array,
  { terms }: HandshakeParts,
  address: string,
  framed: FramedSocket,
  done: (challenge: Challenge) => void,
): (frame: ReceivedFrame) => void {
  let received: { readonly body: Uint8Array; readonly challenge: Challenge } | undefined;
  return ({ kind, body }) => {
    if (kind === LinkFrame.Refused) {
      const { code, sentence } = decodeRefusal(body);
      throw new RegistryError(code, `${address} refuses this node: ${sentence}`);
    }
    if (kind === LinkFrame.Challenge && received === undefined) {
      received = { body, challenge: decodeChallenge(body) };
      const { version } = received.challenge;
      if (version < terms.oldestVersion || version > terms.newestVersion) {
        throw new RegistryError(RegistryErrorCode.Malformed, `${address} chose protocol version ${version}`);
      }
      framed.send(LinkFrame.Proof, proofOf(terms.secret, 'dialer', hello, body));
    } else if (kind === LinkFrame.Accepted && received !== undefined) {
      if (!isProof(body, proofOf(terms.secret, 'listener', hello, received.body))) {
        throw wrongSecret(received.challenge.identity.nodeId, address);
      }
      done(received.challenge);
    } else throw new RegistryError(RegistryErrorCode.Malformed, `${address} does not speak as an Isthmus node`);
  };
}

/**
 * The listening side of one connection. `admit` may refuse a node that has proved the secret; `opened` makes the link; `closed` hears of
 * the end of the connection, with the link if it ever became one.
 */
export function acceptLink(
  socket: Socket,
  parts: HandshakeParts,
  events: {
    admit(peer: NodeIdentity): void;
    opened(socket: FramedSocket, peer: NodeIdentity, version: number): AcceptedLink;
    refused(error: RegistryError, remote: string): void;
    closed(link: AcceptedLink | undefined, reason: string): void;
  },
): void {
  let link: AcceptedLink | undefined;
  const framed = new FramedSocket(socket, parts.clock, LIMITS.handshakeFrameBytes, (reason) => {
    deadline.cancel();
    events.closed(link, reason);
  });
  const deadline = parts.clock.schedule(HANDSHAKE_MS, () => {
    if (link === undefined) framed.destroy('the handshake took too long');
  });
  const steps = listenerSteps(parts, framed, events.admit, (peer, version) => {
    link = events.opened(framed, peer, version);
  });
  framed.onFrame = (frame) => {
    try {
      steps(frame);
    } catch (caught) {
      const error = RegistryError.from(caught);
      events.refused(error, framed.remote);
      framed.onFrame = () => undefined;
      if (error.code === RegistryErrorCode.Malformed) throw error;
      framed.send(LinkFrame.Refused, encodeRefusal(error));
      framed.end(error.message);
    }
  };
}

function listenerSteps(
  { terms, identity }: HandshakeParts,
  framed: FramedSocket,
  admit: (peer: NodeIdentity) => void,
  done: (peer: NodeIdentity, version: number) => void,
): (frame: ReceivedFrame) => void {
  let greeted:
    | { readonly hello: Uint8Array; readonly challenge: Uint8Array; readonly peer: NodeIdentity; readonly version: number }
    | undefined;
  return ({ kind, body }) => {
    if (kind === LinkFrame.Hello && greeted === undefined) {
      const hello = decodeHello(body);
      const version = agreeOn(terms, hello);
      const challenge = encodeChallenge({ version, identity: identity() });
      greeted = { hello: body, challenge, peer: hello.identity, version };
      framed.send(LinkFrame.Challenge, challenge);
    } else if (kind === LinkFrame.Proof && greeted !== undefined) {
      const { hello, challenge, peer, version } = greeted;
      if (!isProof(body, proofOf(terms.secret, 'dialer', hello, challenge))) throw wrongSecret(peer.nodeId, peer.address);
      // Only who knows the secret may learn which nodes are here.
      admit(peer);
      framed.send(LinkFrame.Accepted, proofOf(terms.secret, 'listener', hello, challenge));
      done(peer, version);
    } else throw new RegistryError(RegistryErrorCode.Malformed, `link frame ${kind} is not expected here`);
  };
}

async function openSocket(address: string, { clock, tls }: HandshakeParts): Promise<Socket> {
  const { host, port } = parseAddress(address);
  const openTls = tls === undefined ? undefined : (await import('node:tls')).connect;
  return new Promise<Socket>((resolve, reject) => {
    const socket: Socket | TLSSocket =
      tls === undefined || openTls === undefined
        ? connectTcp({ host, port, noDelay: true })
        : openTls({ host, port, ca: tls.ca, cert: tls.cert, key: tls.key, checkServerIdentity: () => undefined });
    socket.setNoDelay(true);
    const fail = (reason: string) => {
      deadline.cancel();
      socket.destroy();
      reject(new RegistryError(RegistryErrorCode.Unavailable, `${address} cannot be reached: ${reason}`));
    };
    const deadline = clock.schedule(HANDSHAKE_MS, () => fail(`no answer within ${HANDSHAKE_MS} ms`));
    const onError = (cause: Error) => fail(cause.message);
    socket.once('error', onError);
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      deadline.cancel();
      socket.removeListener('error', onError);
      resolve(socket);
    });
  });
}

/** `host:port`, `[v6]:port`. @throws RegistryError `invalid-argument`. */
export function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port > 65_535) {
    throw new RegistryError(RegistryErrorCode.InvalidArgument, `"${address}" is no address; write host:port`);
  }
  return { host, port };
}
