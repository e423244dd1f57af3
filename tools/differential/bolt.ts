import { isDeepStrictEqual } from 'node:util';
import { GatewayProcess } from '../../test/support/gateway-process.ts';
import { startRegistryClients } from '../../test/support/registry-client.ts';
import { sofaRegistryPeer } from '../../test/support/sofa-registry.ts';
import { BOLT_CASES, type BoltCase, type BoltSide } from './bolt-cases.ts';

/** Real servers by version, each with the clients of its own time. */
const SERVERS = [
  { version: '6.3.0', clients: '6.3.0' },
  { version: '5.4.3', clients: '5.4.3' },
] as const;

/** Why a difference is right, by case, for the servers named. docs/protocols/sofa-bolt.md says the same. */
const EXPLAINED: readonly { readonly name: string; readonly servers: readonly string[]; readonly reason: string }[] = [
  {
    name: 'clients of a zone that the server does not know',
    servers: ['6.3.0', '5.4.3'],
    reason: 'the session list of an unknown zone is empty there, and a client without a list never connects; here every zone is served',
  },
  {
    name: 'callbacks when the same data is published again',
    servers: ['5.4.3'],
    reason: 'it pushes the same list again; 6.x and the gateway do not, because nothing has changed',
  },
  {
    name: 'names that differ in case, and one with the delimiter in it',
    servers: ['6.3.0'],
    reason:
      'a dataId that contains #@# is acknowledged there and never pushed; here the last two delimiters separate, so it is a name like others',
  },
  {
    name: 'lengths of lists while one connection of three is cut',
    servers: ['6.3.0'],
    reason:
      'its windows of 1.5 s hide a link that is back by then; here a single broken link counts after 250 ms, so that dead addresses are gone',
  },
];

/** Runs the cases that are named, or all, with real clients at real servers and at the gateway. A version among the names picks a server. */
export async function compareBolt(names: readonly string[]): Promise<boolean> {
  const versions = SERVERS.filter(({ version }) => names.includes(version));
  const cases = BOLT_CASES.filter(({ name }) => names.includes(name));
  let isExplained = true;
  for (const server of versions.length > 0 ? versions : SERVERS)
    isExplained = (await compareWith(server, cases.length > 0 ? cases : BOLT_CASES)) && isExplained;
  return isExplained;
}

async function compareWith({ version, clients }: (typeof SERVERS)[number], cases: readonly BoltCase[]): Promise<boolean> {
  console.log(`SOFARegistry ${version} with registry-client-all ${clients}, beside the gateway`);
  const ours = await observeGateway(cases, clients);
  const theirs = await observeReal(cases, version, clients);
  let unexplained = 0;
  for (const [index, { name }] of cases.entries()) {
    if (isDeepStrictEqual(ours[index], theirs[index])) {
      console.log(`alike        ${name}`);
      continue;
    }
    const reason = EXPLAINED.find((entry) => entry.name === name && entry.servers.includes(version))?.reason;
    if (reason === undefined) unexplained += 1;
    console.log(`${reason === undefined ? 'UNEXPLAINED ' : 'explained   '} ${name}${reason === undefined ? '' : `: ${reason}`}`);
    console.log(`    real:    ${JSON.stringify(theirs[index])}\n    gateway: ${JSON.stringify(ours[index])}`);
  }
  console.log(`${cases.length} cases, ${unexplained} unexplained\n`);
  return unexplained === 0;
}

async function observeGateway(cases: readonly BoltCase[], clients: string): Promise<readonly unknown[]> {
  const gateway = await GatewayProcess.start();
  try {
    return await observe(cases, gateway.sofaHttpPort, clients);
  } finally {
    await gateway.stop();
  }
}

async function observeReal(cases: readonly BoltCase[], version: string, clients: string): Promise<readonly unknown[]> {
  const server = await sofaRegistryPeer(version);
  try {
    return await observe(cases, server.httpPort, clients);
  } finally {
    await server.stop();
  }
}

async function observe(cases: readonly BoltCase[], httpPort: number, clients: string): Promise<readonly unknown[]> {
  const startDriver = () => startRegistryClients(clients);
  const side: BoltSide = { driver: await startDriver(), startDriver, httpPort };
  try {
    return await Promise.all(
      cases.map(({ observe: look }) =>
        look(side).catch((caught: unknown) => ({ failed: caught instanceof Error ? caught.message : String(caught) })),
      ),
    );
  } finally {
    await side.driver.kill();
  }
}
