/** Limits of the Eureka protocol's own things, with the reason; all stay below those of the core. */
export const EUREKA_LIMITS = {
  /** Register bodies of metadata-heavy services reach tens of KiB. */
  bodyBytes: 1024 * 1024,
  /** Body of a peer's batch, inflated: 250 operations with all their metadata, several times over. */
  batchBodyBytes: 32 * 1024 * 1024,
  /** Operations of one batch; existing servers send 250. */
  batchItems: 5_000,
  /** Nesting of a JSON or XML body; a real one has five levels. */
  depth: 32,
  /** Elements or keys of one body. */
  nodes: 10_000,
  metadataEntries: 1_024,
  /** Decoded bytes of one path segment. */
  pathSegmentLength: 1_024,
  nameLength: 512,
  /** Longest lease a client may ask for, in seconds. */
  leaseSeconds: 86_400,
} as const;
