/**
 * Every limit of the core, named, with its reason. A limit is checked before memory is allocated for what it bounds.
 * Adapters keep the limits of their own protocol beside their codec and stay below these.
 */
export const LIMITS = {
  /** Longest DataInfoId in UTF-16 units. Java class names with generics and versions stay below 500; 2048 leaves room and bounds every key. */
  dataInfoIdLength: 2_048,
  /** Longest registerId. Client UUIDs have 36; Eureka instance ids are free text of up to some hundred. */
  registerIdLength: 1_024,
  /** Largest native payload of one publisher. Real SOFA clients publish values above 1 MiB; beyond 4 MiB a push stalls everybody. */
  publisherPayloadBytes: 4 * 1024 * 1024,
  /** Operations in one batch from a Session to a slot leader; bounds the time one message holds the event loop. */
  batchOperations: 500,
  /** Bytes after which a batch is closed even if it has fewer operations. */
  batchBytes: 1024 * 1024,
  /** Largest wire frame between roles: a whole datum of large publishers fits, an endless length does not. */
  wireFrameBytes: 64 * 1024 * 1024,
  /** Bytes of publishers in one page of a slot transfer. */
  slotPageBytes: 512 * 1024,
  /**
   * Slots that a node copies from one leader at the same time: two pages on their way keep it busy, and the others of a node that has just got
   * a hundred slots to follow wait, instead of all asking at once for what takes the leader longer than they are patient.
   */
  copiesAtOnce: 4,
  /** Bytes of a restart snapshot that are made and written in one go; about half a millisecond. */
  snapshotPieceBytes: 64 * 1024,
  /** Entries of a slot's operation log kept for followers that fall behind; older ones are repaired by digest. */
  slotLogEntries: 8_192,
  /** Requests in flight from one role to one peer; the next one is refused as unavailable. */
  peerRequestsInFlight: 4_096,
  /** Requests in flight on one link between two nodes, all roles together; above what all pairs of roles may have. */
  linkRequestsInFlight: 40_000,
  /** Bytes under way to one node: a whole frame always fits, and a peer that reads nothing costs no more. */
  linkQueueBytes: 64 * 1024 * 1024,
  /** Largest frame of the handshake between nodes; a stranger is granted no more memory. */
  handshakeFrameBytes: 4 * 1024,
  /** Connections that have not proved yet who they are; the oldest is dropped for the next one. */
  handshakesAtOnce: 1_024,
  /** Connections of clients at one process, on all its ports: at 10 KB for one that is idle, a gigabyte. The next one is closed at once. */
  clientConnections: 100_000,
  /** Connections at the admin port: probes, scrapers and a few operators, each with a hundred small answers on their way at most. */
  adminConnections: 256,
  /** Body of a call on the admin port: configuration data may have 1 Mi characters, escaped in JSON up to six times that. */
  operatorBodyBytes: 8 * 1024 * 1024,
  /**
   * Files that clients do not get of those that a process may have open, or a quarter when that is less: handshakes between nodes, links, the
   * admin port, the data folder.
   */
  filesKeptFromClients: 2_048,
  /** Lines that are written of one message in ten seconds: enough for every node of a large cluster. */
  logLinesPerMessage: 200,
  /** Largest durable document: a Nacos configuration of 10 MiB with its head. */
  documentBytes: 12 * 1024 * 1024,
  /** Documents above this are stored in chunks of it where the store refuses large values; etcd refuses 1.5 MiB. */
  documentChunkBytes: 512 * 1024,
  /** Bytes of documents in one page of a listing; one document more than that may be in it. */
  documentPageBytes: 8 * 1024 * 1024,
  /** Longest durable document key. */
  documentKeyLength: 1_024,
  /** Publishers of one client connection. A SOFA gateway application publishes some thousand. */
  publishersPerConnection: 50_000,
  /** Subscribers of one client connection. */
  subscribersPerConnection: 50_000,
  /** Longest register lease. A day bounds how long a dead instance may ask to be kept. */
  leaseDurationMs: 24 * 60 * 60 * 1000,
  /** Domains with overdue leases that a node tells Sessions of, for pages; the guard itself knows all. */
  leaseHoldsReported: 100,
  /** How long a tombstone outlives its record; longer than every retry and half-open connection. */
  tombstoneMs: 180_000,
  /** Withdrawals a Session remembers for new slot leaders, about 10 MB; older ones are forgotten first. */
  recentWithdrawals: 50_000,
  /** Tombstones a follower takes over in one comparison: about 270 withdrawals a second in one slot, and some megabytes. */
  tombstonesPerCompare: 50_000,
} as const;

/** Relations between limits that must hold. A test calls it, so that a careless edit fails loudly. @throws Error that names those that do not hold. */
export function assertLimits(limits: typeof LIMITS = LIMITS): void {
  const broken: string[] = [];
  if (limits.batchBytes + limits.publisherPayloadBytes > limits.wireFrameBytes) broken.push('a batch does not fit into a wire frame');
  if (limits.slotPageBytes + limits.publisherPayloadBytes > limits.wireFrameBytes)
    broken.push('a slot page does not fit into a wire frame');
  if (limits.handshakesAtOnce > limits.filesKeptFromClients / 2) broken.push('handshakes may take the files of everything else');
  if (limits.linkQueueBytes < limits.wireFrameBytes) broken.push('a wire frame does not fit onto a link');
  if (limits.documentChunkBytes > 1_000_000) broken.push('a chunk of a document does not fit into one etcd value');
  if (limits.documentPageBytes + limits.documentBytes > limits.wireFrameBytes)
    broken.push('a page of documents does not fit into a wire frame');
  if (broken.length > 0) throw new Error(`limits contradict each other: ${broken.join('; ')}`);
}
