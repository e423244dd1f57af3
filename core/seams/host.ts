import type { NodeId, ProcessId } from '../model/node.ts';
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { Random } from './random.ts';
import type { PeerTransport } from './transport.ts';

/** All that a role or adapter receives from outside. A role is never told which implementation stands behind a seam. */
export interface Host {
  readonly nodeId: NodeId;
  /** This incarnation of the process. */
  readonly processId: ProcessId;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** A role's host: with the endpoint that carries its messages. */
export interface RoleHost extends Host {
  readonly peers: PeerTransport;
}
