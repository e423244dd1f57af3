import { type DataInfoId, DEFAULT_GROUP, type FoldedId, foldText, parseDataInfoId } from '../model/data-info-id.ts';
import type { ServiceInstance } from '../model/service-instance.ts';

/** `http`: services that speak HTTP are seen by readers of every protocol. `off`: each protocol sees its own only. */
export const CrossProtocol = { Http: 'http', Off: 'off' } as const;
export type CrossProtocol = (typeof CrossProtocol)[keyof typeof CrossProtocol];

/** What may be seen across protocols. */
export interface CrossProtocolConfig {
  readonly services: CrossProtocol;
  /**
   * Which names, as patterns in a list with commas: `*` stands for any text, a leading `!` excludes, the last pattern that fits decides,
   * case does not matter. `*` is everything, `orders,billing-*` only those, `*,!internal-*` all but those.
   */
  readonly names: string;
}

/** The safe default: HTTP services cross, everything else stays with its own. */
export const DEFAULT_CROSS_PROTOCOL: CrossProtocolConfig = { services: CrossProtocol.Http, names: '*' };

/** Ports that any HTTP client of another ecosystem can call. */
const SHARED_PORTS = ['http', 'https'] as const;
/** Characters that no application's name has in every protocol: they stand in interface names (`iface:version@protocol`), URLs and lists. */
const NO_APPLICATION_NAME = /[\s:@/?#,%]/;

/** Decides what readers of another format may see. */
export class Visibility {
  readonly #isOff: boolean;
  readonly #patterns: readonly NamePattern[];

  constructor(config: CrossProtocolConfig) {
    this.#isOff = config.services === CrossProtocol.Off;
    const texts = config.names.split(',').map((text) => text.trim());
    this.#patterns = texts.filter((text) => text !== '').map(readPattern);
  }

  /**
   * The namespace in which a name meets those of other protocols; undefined when it stays with its own. Only the names of applications in
   * the default group meet: the groups of SOFARPC and Dubbo hold interfaces.
   */
  publicNamespace(dataInfoId: DataInfoId): string | undefined {
    return this.whyPrivate(dataInfoId) === undefined ? parseDataInfoId(dataInfoId).instanceId : undefined;
  }

  /** Why a name stays with its own, in words for operators; undefined when it does not. */
  whyPrivate(dataInfoId: DataInfoId): string | undefined {
    if (this.#isOff) return 'registry.crossProtocol is off';
    const { dataId, group } = parseDataInfoId(dataInfoId);
    if (group !== DEFAULT_GROUP) return `its group is not ${DEFAULT_GROUP}`;
    if (NO_APPLICATION_NAME.test(dataId)) return 'it has characters that no application name has: blanks or one of : @ / ? # , %';
    return this.#isListed(dataId) ? undefined : 'registry.crossProtocolNames leaves it out';
  }

  /** Whether some spelling of a folded name may be a public one. */
  mayBePublic(foldedId: FoldedId): boolean {
    if (this.#isOff) return false;
    const { dataId, group } = parseDataInfoId(foldedId);
    return group === foldText(DEFAULT_GROUP) && !NO_APPLICATION_NAME.test(dataId) && this.#isListed(dataId);
  }

  /** Services that speak HTTP cross between the ecosystems, everything else stays with its own. */
  isVisible(instance: ServiceInstance): boolean {
    return SHARED_PORTS.some((name) => instance.ports.has(name));
  }

  #isListed(dataId: string): boolean {
    const name = foldText(dataId);
    let isListed = false;
    for (const pattern of this.#patterns) {
      if (pattern.isExclusion === isListed && fits(name, pattern.parts)) isListed = !pattern.isExclusion;
    }
    return isListed;
  }
}

interface NamePattern {
  readonly isExclusion: boolean;
  /** The texts between the asterisks, folded. */
  readonly parts: readonly string[];
}

function readPattern(text: string): NamePattern {
  const isExclusion = text.startsWith('!');
  return { isExclusion, parts: foldText(isExclusion ? text.slice(1) : text).split('*') };
}

/** Each part where it fits first: no pattern makes this slow, as it would a regular expression. */
function fits(name: string, parts: readonly string[]): boolean {
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (parts.length === 1) return name === first;
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return at <= name.length - last.length;
}
