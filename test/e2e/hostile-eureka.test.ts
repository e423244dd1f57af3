import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EurekaOperator } from '../support/eureka-operator.ts';
import { eventually } from '../support/eventually.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { converse, http } from '../support/http.ts';
import { residentBytes } from '../support/process-memory.ts';

const MEGABYTE = 1024 * 1024;
const REQUEST_TIMEOUT_MS = 3_000;
/** What the gateway may take on top of its memory at rest, whatever is thrown at it. */
const MOST_EXTRA_BYTES = 150 * MEGABYTE;
/** A well-behaved client is answered within this, on a machine that is busy with the attack as well. */
const SLOWEST_MS = 2_000;
const INSTANCES = 1_000;

const XML = { 'content-type': 'application/xml' };
const JSON_TYPE = { 'content-type': 'application/json' };

/** A client that minds its own business while others misbehave. */
class Witness {
  readonly #operator: EurekaOperator;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;
  readonly statuses: number[] = [];
  slowestMs = 0;

  constructor(operator: EurekaOperator) {
    this.#operator = operator;
  }

  start(): void {
    this.#running = (async () => {
      while (!this.#isStopped) {
        const startedMs = performance.now();
        this.statuses.push(await this.#operator.heartbeat('GOOD', 'good'));
        this.slowestMs = Math.max(this.slowestMs, performance.now() - startedMs);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    })();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }
}

describe('hostile input over the network', () => {
  let gateway: GatewayProcess;
  let operator: EurekaOperator;
  let restingBytes = 0;

  beforeAll(async () => {
    gateway = await GatewayProcess.start({ args: ['--eureka.request-timeout-ms', String(REQUEST_TIMEOUT_MS)] });
    operator = new EurekaOperator(gateway.eurekaPort);
    await operator.register('GOOD', 'good');
    const padding = { metadata: { padding: 'x'.repeat(2_000) } };
    for (let i = 0; i < INSTANCES; i += 50)
      await Promise.all(Array.from({ length: 50 }, (_, k) => operator.register(`APP-${i % 10}`, `i${i + k}`, padding)));
    restingBytes = residentBytes(gateway.pid);
  });
  afterAll(() => gateway.stop());

  /** Runs the attack; the witness must not notice, and the memory stays bounded while it lasts. */
  async function attack(run: () => Promise<void>): Promise<void> {
    const witness = new Witness(operator);
    witness.start();
    let mostBytes = 0;
    const sample = () => {
      mostBytes = Math.max(mostBytes, residentBytes(gateway.pid));
    };
    const sampling = setInterval(sample, 20);
    try {
      await run();
    } finally {
      clearInterval(sampling);
      // An attack may be over before the first turn of the interval.
      sample();
      await witness.stop();
    }
    expect(new Set(witness.statuses)).toEqual(new Set([200]));
    expect(witness.slowestMs).toBeLessThan(SLOWEST_MS);
    expect(mostBytes - restingBytes).toBeLessThan(MOST_EXTRA_BYTES);
    expect((await operator.instances('GOOD')).map(({ instanceId }) => instanceId)).toEqual(['good']);
    expect(await operator.instances('BAD')).toEqual([]);
  }

  const post = (body: string | Buffer, headers: Readonly<Record<string, string>>) =>
    http(gateway.eurekaPort, { method: 'POST', path: '/eureka/apps/BAD', headers, body });
  const manyTimes = (times: number, body: string | Buffer, headers: Readonly<Record<string, string>>, status: number) =>
    attack(async () => {
      const answers = await Promise.all(Array.from({ length: times }, () => post(body, headers)));
      expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => status));
    });

  const instanceOf = (inner: string) =>
    `<instance><instanceId>x</instanceId><hostName>h</hostName><app>BAD</app><ipAddr>1.2.3.4</ipAddr>${inner}</instance>`;

  it.each([
    [
      'exponential entities',
      `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>${instanceOf('<homePageUrl>&b;</homePageUrl>')}`,
    ],
    [
      'one long entity used often',
      `<!DOCTYPE x [<!ENTITY a "${'a'.repeat(50_000)}">]>${instanceOf(`<homePageUrl>${'&a;'.repeat(50_000)}</homePageUrl>`)}`,
    ],
    ['an entity that holds itself', `<!DOCTYPE x [<!ENTITY a "&b;"><!ENTITY b "&a;">]>${instanceOf('<sid>&a;</sid>')}`],
    ['parameter entities', '<!DOCTYPE x [<!ENTITY % a "<!ENTITY b \'c\'>">%a;]><instance/>'],
    ['a file as an entity', `<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>${instanceOf('<sid>&f;</sid>')}`],
    ['a document type elsewhere', `<!DOCTYPE instance SYSTEM "http://127.0.0.1:1/x.dtd">${instanceOf('')}`],
    ['a document type alone', `<!DOCTYPE instance>${instanceOf('')}`],
    ['an entity that nobody declared', instanceOf('<sid>&unknown;</sid>')],
    ['5,000 levels', '<a>'.repeat(5_000)],
    ['60,000 elements', instanceOf('<a/>'.repeat(60_000))],
    ['a name without end', `<${'a'.repeat(250_000)}`],
    ['a comment without end', `<instance><!--${'-a'.repeat(125_000)}`],
    ['metadata without end', instanceOf(`<metadata>${Array.from({ length: 9_000 }, (_, i) => `<k${i}>v</k${i}>`).join('')}</metadata>`)],
  ])('XML with %s is refused with 400', async (_name, body) => {
    await manyTimes(20, body, XML, 400);
  });

  it('XML that is larger than any registration is refused with 413', async () => {
    await manyTimes(20, `<instance><!--${'-a'.repeat(400_000)}--></instance>`, XML, 413);
  });

  it.each([
    ['100,000 levels of arrays', '['.repeat(100_000)],
    ['100,000 levels of objects', '{"a":'.repeat(100_000)],
    ['levels inside an instance', `{"instance":{"metadata":${'{"a":'.repeat(40)}1${'}'.repeat(40)}}}`],
    ['a text without end', `{"instance":{"instanceId":"${'x'.repeat(1_000_000)}`],
    [
      '200,000 keys of metadata',
      `{"instance":{"instanceId":"x","hostName":"h","ipAddr":"1","app":"BAD","dataCenterInfo":{"name":"MyOwn"},"metadata":{${Array.from({ length: 100_000 }, (_, i) => `"${i}":1`).join()}}}}`,
    ],
    [
      'invalid UTF-8',
      Buffer.concat([Buffer.from('{"instance":{"instanceId":"'), Buffer.from([0xc3, 0x28, 0xed, 0xa0, 0x80]), Buffer.from('"}}')]),
    ],
    ['numbers that are none', '{"instance":{"instanceId":1e999999,"hostName":-}}'],
    ['a prototype', '{"__proto__":{"instance":{}},"constructor":{"prototype":{"instance":{}}}}'],
  ])('JSON with %s is refused with 400', async (_name, body) => {
    await manyTimes(20, body, JSON_TYPE, 400);
  });

  it.each([
    ['one member', gzipSync(Buffer.alloc(200 * MEGABYTE)), 413],
    ['many members', Buffer.concat(Array.from({ length: 200 }, () => gzipSync(Buffer.alloc(MEGABYTE)))), 413],
    ['gzip in gzip', gzipSync(gzipSync(Buffer.alloc(200 * MEGABYTE))), 400],
    ['half a member', gzipSync(Buffer.alloc(100_000)).subarray(0, 60), 400],
    ['what is no gzip', Buffer.alloc(1_000, 'x'), 400],
  ])('a gzip bomb of %s is refused, forty at a time', async (_name, body, status) => {
    await manyTimes(40, body, { ...JSON_TYPE, 'content-encoding': 'gzip' }, status);
  });

  it('floods of headers are refused', async () => {
    await attack(async () => {
      const flood = Array.from({ length: 5_000 }, (_, i) => `X-${i}: ${'v'.repeat(20)}`).join('\r\n');
      const answers = await Promise.all(
        Array.from({ length: 50 }, () => converse(gateway.eurekaPort, `GET /eureka/apps HTTP/1.1\r\nHost: x\r\n${flood}\r\n\r\n`)),
      );
      for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 4\d\d |^$/);
    });
  });

  it('bodies that never end are refused or cut off, announced or in chunks', async () => {
    await attack(async () => {
      const announced = `POST /eureka/apps/BAD HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${10_000 * MEGABYTE}\r\n\r\n`;
      const chunked = 'POST /eureka/apps/BAD HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n';
      const piece = `${(16_384).toString(16)}\r\n${'x'.repeat(16_384)}\r\n`;
      const senders = Array.from({ length: 20 }, (_, i) =>
        i % 2 === 0 ? sendForEver(gateway.eurekaPort, announced, 'x'.repeat(16_384)) : sendForEver(gateway.eurekaPort, chunked, piece),
      );
      // Each of them was answered, and none of them is still connected.
      for (const answer of await Promise.all(senders)) expect(answer).toMatch(/^HTTP\/1\.1 (413|408) |^$/);
    });
  });

  it('readers that never read are cut off, and the answers that wait for them take no memory of their own', async () => {
    const sockets: Socket[] = [];
    const before = openFiles(gateway.pid);
    await attack(async () => {
      for (let i = 0; i < 100; i += 1) {
        const socket = connect(gateway.eurekaPort, '127.0.0.1');
        socket.on('error', () => undefined);
        socket.pause();
        // Without compression: more than the buffers of the kernel hold, several times over.
        socket.write('GET /eureka/apps HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n\r\n'.repeat(5));
        sockets.push(socket);
      }
      await eventually(() => expect(openFiles(gateway.pid)).toBeGreaterThan(before + 70));
      await eventually(() => expect(openFiles(gateway.pid)).toBeLessThan(before + 20), 20_000);
    });
    for (const socket of sockets) socket.destroy();
  });
});

/** Files and sockets that the process has open. */
function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Sends as long as it may; resolves with what the server said when it has closed the connection. */
function sendForEver(port: number, head: string, piece: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(head);
      more();
    });
    let answer = '';
    const more = () => {
      if (socket.destroyed) return;
      if (socket.write(piece)) setTimeout(more, 1);
      else socket.once('drain', more);
    };
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString();
    });
    socket.on('error', () => resolve(answer));
    socket.on('close', () => resolve(answer));
  });
}
