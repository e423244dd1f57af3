import { sofaRegistryPeer } from '../../test/support/sofa-registry.ts';
import type { BenchContext, Figure } from '../support/figures.ts';
import { startMeasuredGateway } from '../support/gateway.ts';
import type { MeasuredProcess } from '../support/measured-process.ts';

/** A server that speaks bolt, whoever made it. */
export interface BoltTarget {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** Ours only: profiles and heap. */
  readonly probe: MeasuredProcess | undefined;
  stop(): Promise<void>;
}

const PEER_VERSION = '6.3.0';

export async function startOurs(): Promise<BoltTarget> {
  const gateway = await startMeasuredGateway();
  const { process: probe, sofaPort } = gateway;
  return { name: 'Isthmus', port: sofaPort, pid: probe.pid, probe, stop: () => gateway.stop() };
}

/** Measures ours and, when peers are wanted, the real server with the same load, one after the other. */
export async function besidePeer<T>(
  context: BenchContext,
  run: (target: BoltTarget) => Promise<T>,
): Promise<{ readonly ours: T; readonly peer: T | undefined }> {
  const ours = await using(await startOurs(), run);
  if (!context.withPeers) return { ours, peer: undefined };
  context.say(`the same against SOFARegistry ${PEER_VERSION}`);
  const server = await sofaRegistryPeer(PEER_VERSION);
  const target = {
    name: `SOFARegistry ${PEER_VERSION}`,
    port: server.boltPort,
    pid: server.pid,
    probe: undefined,
    stop: () => server.stop(),
  };
  return { ours, peer: await using(target, run) };
}

/** Without a peer the goal of a figure cannot be judged; it is shown all the same. */
export function besideValue(peer: number | undefined): Pick<Figure, 'beside'> {
  return peer === undefined ? {} : { beside: { name: `SOFARegistry ${PEER_VERSION}`, value: peer } };
}

async function using<T>(target: BoltTarget, run: (target: BoltTarget) => Promise<T>): Promise<T> {
  try {
    return await run(target);
  } finally {
    await target.stop();
  }
}
