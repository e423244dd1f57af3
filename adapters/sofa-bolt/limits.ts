/** Limits of what clients may register and operators may set, with the reason; upstream has none. Those of frames and contents are beside the codec. */
export const SOFA_LIMITS = {
  /** Values of one publisher. What is stored is read as one content, which holds about twice as many. Their bytes are limited by the core. */
  boxes: 60_000,
  /** Interface names with generics, versions and protocol suffixes stay far below. */
  dataIdLength: 1_024,
  /** Longest group and instanceId. */
  nameLength: 256,
  /** Attributes of one registration. Clients send none, or four for their credentials. */
  attributes: 1_024,
  /** Names and values of all attributes together, in UTF-16 units. */
  attributesLength: 1024 * 1024,
  /** Data of one configuration, in UTF-16 units: every configurator of a name is sent all of it, in one frame. */
  configurationLength: 1024 * 1024,
} as const;
