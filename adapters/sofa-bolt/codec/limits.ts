/** Limits of bolt frames and their Hessian contents, with the reason. All are checked before memory is allocated for what they bound. */
export const BOLT_LIMITS = {
  /** Largest content of one frame. Four times the largest publisher payload of the core; upstream sets none (SOFA bolt protocol, lengths and limits). */
  contentBytes: 16 * 1024 * 1024,
  /** Half frames of all clients of a process together: sixteen of the largest. Registry clients send theirs in one piece. */
  partialBytes: 256 * 1024 * 1024,
  /** Longest class name of a frame. The longest one a registry client sends has 70 bytes; the field itself could say 32767. */
  classNameBytes: 512,
  /** Longest header section. Registry clients send none. */
  headerBytes: 4 * 1024,
  /** Nesting of lists, maps and objects. The deepest message, MultiReceivedData, has six levels. */
  depth: 8,
  /** Class definitions of one content. A message has at most three classes. */
  classDefinitions: 8,
  /** Fields of one class. The largest message has 18. */
  fieldsPerClass: 64,
  /** Length of a class, field or type name in UTF-16 units. */
  nameLength: 256,
  /**
   * Values of one content, nested ones included. An empty map takes two bytes on the wire and over a hundred in memory: this bounds a content to
   * some ten MiB besides its texts. A publisher of 60,000 boxes still fits.
   */
  values: 131_072,
} as const;
