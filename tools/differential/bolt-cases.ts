import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { SofaDriver, SofaReceived } from '../../test/support/sofa-driver.ts';

/** One server, and real clients that are pointed at it. */
export interface BoltSide {
  readonly driver: SofaDriver;
  /** More clients in a process of their own, which the case ends. */
  startDriver(): Promise<SofaDriver>;
  readonly httpPort: number;
}

export interface BoltCase {
  readonly name: string;
  /** What the clients have seen in the end, in plain values. */
  observe(side: BoltSide): Promise<unknown>;
}

/** Longer than all windows of a real server in a row. */
const QUIET_MS = 4_500;

/** What clients of an application can experience, said once and observed at each server. All of one side run at the same time. */
export const BOLT_CASES: readonly BoltCase[] = [
  {
    name: 'first push of a name nobody publishes',
    observe: async (side) => {
      const client = await start(side);
      await side.driver.subscribe(client, 's', client, 'global');
      return seen(side, client, 's');
    },
  },
  {
    name: 'values of several kinds',
    observe: async (side) => {
      const client = await start(side);
      await side.driver.publish(client, 'p', client, ['one', 'two', 'two', '', 'üñí 😀 <&>', 'x'.repeat(100_000)]);
      await side.driver.publish(client, 'q', client, []);
      await side.driver.publish(client, 'r', client, [null]);
      await pause(QUIET_MS);
      await side.driver.subscribe(client, 's', client, 'global');
      return seen(side, client, 's');
    },
  },
  ...(['zone', 'dataCenter', 'global'] as const).map((scope) => ({
    name: `scope ${scope} of clients in the server's zone`,
    observe: async (side: BoltSide) => {
      const [a, b] = [await start(side), await start(side)];
      await side.driver.publish(a, 'p', a, ['a']);
      await side.driver.publish(b, 'p', a, ['b']);
      await side.driver.subscribe(b, 's', a, scope);
      return seen(side, b, 's');
    },
  })),
  {
    name: 'clients of a zone that the server does not know',
    observe: async (side) => {
      const client = await start(side, { zone: 'ELSEWHERE' });
      await side.driver.publish(client, 'p', client, ['a']);
      await side.driver.subscribe(client, 's', client, 'zone');
      return seen(side, client, 's');
    },
  },
  {
    name: 'republish, unpublish, unsubscribe',
    observe: async (side) => {
      const client = await start(side);
      await side.driver.subscribe(client, 's', client, 'global');
      await side.driver.publish(client, 'p', client, ['v1']);
      const first = await seen(side, client, 's');
      await side.driver.republish(client, 'p', ['v2', 'v3']);
      const second = await seen(side, client, 's');
      await side.driver.unpublish(client, 'p');
      const third = await seen(side, client, 's');
      await side.driver.unsubscribe(client, 's');
      await side.driver.publish(client, 'p2', client, ['v4']);
      return [first, second, third, await seen(side, client, 's')];
    },
  },
  {
    name: 'callbacks when the same data is published again',
    observe: async (side) => {
      const client = await start(side);
      await side.driver.publish(client, 'p', client, ['same']);
      await pause(QUIET_MS);
      await side.driver.subscribe(client, 's', client, 'global');
      await pause(QUIET_MS);
      const { count } = await side.driver.received(client, 's');
      await side.driver.republish(client, 'p', ['same']);
      await pause(QUIET_MS);
      return (await side.driver.received(client, 's')).count - count;
    },
  },
  {
    name: 'groups and instances',
    observe: async (side) => {
      const [plain, tenant] = [await start(side), await start(side, { instanceId: 'tenant-1' })];
      await side.driver.publish(plain, 'p', plain, ['default']);
      await side.driver.publish(plain, 'g', plain, ['grouped'], 'OTHER_GROUP');
      await side.driver.publish(tenant, 'p', plain, ['of the tenant']);
      await side.driver.subscribe(plain, 's', plain, 'global');
      await side.driver.subscribe(plain, 'sg', plain, 'global', 'OTHER_GROUP');
      await side.driver.subscribe(tenant, 's', plain, 'global');
      return [await seen(side, plain, 's'), await seen(side, plain, 'sg'), await seen(side, tenant, 's')];
    },
  },
  {
    name: 'names that differ in case, and one with the delimiter in it',
    observe: async (side) => {
      const client = await start(side);
      await side.driver.publish(client, 'p', client, ['lower']);
      await side.driver.publish(client, 'q', client.toUpperCase(), ['upper']);
      await side.driver.publish(client, 'r', `${client}#@#x`, ['odd']);
      await side.driver.subscribe(client, 's', client, 'global');
      await side.driver.subscribe(client, 't', `${client}#@#x`, 'global');
      return [await seen(side, client, 's'), await seen(side, client, 't')];
    },
  },
  {
    name: 'configuration that nobody has set',
    observe: async (side) => {
      const client = await start(side);
      await side.driver.configurator(client, 'c', client);
      await pause(QUIET_MS);
      return { config: await side.driver.config(client, 'c'), isTold: (await side.driver.configCount(client, 'c')) > 0 };
    },
  },
  {
    name: 'a client that is killed',
    observe: async (side) => {
      const reader = await start(side);
      await side.driver.subscribe(reader, 's', reader, 'global');
      const doomed = await side.startDriver();
      const client = await start(side, {}, doomed);
      await doomed.publish(client, 'p', reader, ['doomed']);
      const before = await seen(side, reader, 's');
      await doomed.kill();
      return [before, await seen(side, reader, 's')];
    },
  },
  {
    name: 'lengths of lists while one connection of three is cut',
    observe: async (side) => {
      const clients = [await start(side), await start(side), await start(side)];
      const reader = await start(side);
      for (const client of clients) await side.driver.publish(client, 'p', reader, [client]);
      await pause(QUIET_MS);
      await side.driver.subscribe(reader, 's', reader, 'global');
      await pause(QUIET_MS);
      const before = (await side.driver.received(reader, 's')).sizes.length;
      await side.driver.cut(clients[0] ?? '');
      await pause(2 * QUIET_MS);
      const { sizes } = await side.driver.received(reader, 's');
      return { shortest: Math.min(...sizes.slice(before), sizes.at(-1) ?? 0), last: sizes.at(-1) };
    },
  },
  {
    name: 'the last of 200 close changes',
    observe: async (side) => {
      const client = await start(side);
      await side.driver.subscribe(client, 's', client, 'global');
      await side.driver.publish(client, 'p', client, ['0']);
      for (let change = 1; change <= 200; change += 1) await side.driver.republish(client, 'p', [String(change)]);
      return seen(side, client, 's');
    },
  },
];

/** A client of its own name, which also serves as a name that nobody else uses. */
async function start(side: BoltSide, options: Readonly<Record<string, unknown>> = {}, on: SofaDriver = side.driver): Promise<string> {
  const client = `com.example.c${randomUUID()}`;
  await on.start(client, { host: '127.0.0.1', port: side.httpPort, app: 'differential', ...options });
  return client;
}

/** What a subscriber holds when nothing comes any more. */
async function seen({ driver }: BoltSide, client: string, key: string): Promise<object> {
  let last: SofaReceived;
  let now = await driver.received(client, key);
  do {
    last = now;
    await pause(QUIET_MS);
    now = await driver.received(client, key);
  } while (now.count !== last.count);
  const zones = Object.entries(now.zones).map(([zone, values]) => [zone, values.map(short).sort()]);
  return { isCalledBack: now.count > 0, localZone: now.localZone, zones: Object.fromEntries(zones) };
}

/** Long values by their length, so that a report can be read. */
function short(value: string | null): string {
  if (value === null) return '<null>';
  return value.length > 100 ? `<${value.length} characters>` : value;
}
