/** Limits of the Eureka protocol's own things, with the reason; all stay below those of the core. */
export const EUREKA_LIMITS = {
  /** Register bodies of metadata-heavy services reach tens of KiB. */
  bodyBytes: 1024 * 1024,
  /** Characters of an XML body: the parser takes many times its length, and real ones have some KiB. */
  xmlLength: 256 * 1024,
  /** Bodies that are read or worked on at a time, all together: bounds what many large requests take. */
  bodiesBytes: 64 * 1024 * 1024,
  /**
   * Bodies that are inflated at a time: each holds zlib's window and an output chunk outside the heap, and two keep both cores of a small
   * machine busy. The others wait compressed, counted by `bodiesBytes`.
   */
  inflationsAtATime: 2,
  /** Body of a peer's batch, inflated: 250 operations with all their metadata, several times over. */
  batchBodyBytes: 32 * 1024 * 1024,
  /** Operations of one batch; existing servers send 250. */
  batchItems: 5_000,
  /** Values of one batch: 250 operations have 12,000. */
  batchNodes: 500_000,
  /** Nesting of a JSON or XML body; a real one has five levels. */
  depth: 32,
  /** Elements or values of one body. */
  nodes: 10_000,
  metadataEntries: 1_024,
  /** Decoded bytes of one path segment. */
  pathSegmentLength: 1_024,
  nameLength: 512,
  /** Longest lease a client may ask for, in seconds. */
  leaseSeconds: 86_400,
  /** Headers of one request. Tokens and cookies of proxies make them larger than the 16 KiB that are usual. */
  headerBytes: 32 * 1024,
  /** Checks of passwords at a time: each takes a thread and some megabytes for a while. */
  passwordChecksAtATime: 2,
  /** Requests that wait for a check; more are told to come back. */
  passwordChecksWaiting: 128,
  /** Remembered outcomes, so that a client's heartbeats do not cost a hash each, nor those of one with a wrong password. */
  passwordOutcomes: 10_000,
} as const;
