/** The three roles of the registry. */
export const Role = { Meta: 'meta', Data: 'data', Session: 'session' } as const;
export type Role = (typeof Role)[keyof typeof Role];

/** Stable id of a node, kept in its data folder; never its address. */
export type NodeId = string & { readonly __brand: 'NodeId' };

/** One incarnation of a role's process: `nodeId#incarnation`. A restart makes a new one, so the old one's records can be told apart. */
export type ProcessId = string & { readonly __brand: 'ProcessId' };

/** Where role messages go: `nodeId/role`. The transport knows how to reach it. */
export type PeerId = string & { readonly __brand: 'PeerId' };

export function peerId(node: NodeId, role: Role): PeerId {
  return `${node}/${role}` as PeerId;
}

export function processId(node: NodeId, incarnation: string): ProcessId {
  return `${node}#${incarnation}` as ProcessId;
}

/** The node part of a PeerId or ProcessId. */
export function nodeOf(id: PeerId | ProcessId): NodeId {
  const end = id.search(/[/#]/);
  return (end === -1 ? id : id.slice(0, end)) as string as NodeId;
}

/** A member of the cluster as Meta lists it. */
export interface Member {
  readonly peer: PeerId;
  readonly role: Role;
  readonly processId: ProcessId;
  /** `host:port` for other nodes; '' in one process. */
  readonly address: string;
  /** Rack, room or availability zone of the node, as its operator names it; '' when there is only one. Copies of a slot are kept apart. */
  readonly zone: string;
  /** Where clients of a protocol reach this Session; absent or empty for the other roles. */
  readonly clientAddresses?: readonly ClientAddress[];
}

export interface ClientAddress {
  /** The configuration name of the listener, e.g. `sofa.port`. */
  readonly listener: string;
  /** `host:port`, as clients are told. */
  readonly address: string;
}
