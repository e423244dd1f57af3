import { isIP } from 'node:net';

/** Existing Eureka servers whose replication is believed: by the address they connect from. */
export class PeerAddresses {
  readonly #addresses: ReadonlySet<string>;

  /** `list` is comma-separated. @throws TypeError for what is no IP address. */
  constructor(list: string) {
    const addresses = list
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
    const wrong = addresses.find((address) => isIP(address) === 0);
    if (wrong !== undefined) throw new TypeError(`${JSON.stringify(wrong)} is no IP address`);
    this.#addresses = new Set(addresses.map(bare));
  }

  has(clientAddress: string): boolean {
    return this.#addresses.has(bare(clientAddress));
  }
}

/** An IPv4 address as such, also where a socket that serves both families shows it mapped. */
function bare(address: string): string {
  return address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address;
}
