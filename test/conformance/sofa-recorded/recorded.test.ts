import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeFrame } from '../../../adapters/sofa-bolt/codec/frame.ts';
import { FrameReader } from '../../../adapters/sofa-bolt/codec/frame-reader.ts';
import { eventually } from '../../support/eventually.ts';
import { GatewayProcess } from '../../support/gateway-process.ts';
import { http } from '../../support/http.ts';
import { RECORDINGS, type RecordedFrame } from '../../unit/adapters/sofa-bolt/codec/vectors.ts';
import { EXPLAINED_CALLS, EXPLAINED_REQUESTS } from './explained.ts';

interface Exchange {
  readonly request: { readonly method: string; readonly path: string; readonly contentType?: string; readonly body?: unknown };
  readonly response: { readonly status: number; readonly json?: unknown; readonly text?: string };
}

let gateway: GatewayProcess;
beforeAll(async () => {
  gateway = await GatewayProcess.start();
});
afterAll(() => gateway.stop());

/** Sends what a client sent, and returns the answers by request id, byte for byte. */
async function replay(frames: readonly RecordedFrame[]): Promise<ReadonlyMap<number, string>> {
  const socket = connect(gateway.sofaPort, '127.0.0.1');
  const reader = new FrameReader();
  const answers = new Map<number, string>();
  socket.on('data', (chunk: Buffer) => {
    for (const frame of reader.push(chunk))
      if (frame.type === 0) answers.set(frame.requestId, Buffer.from(encodeFrame(frame)).toString('hex'));
  });
  for (const { hex } of frames) socket.write(Buffer.from(hex, 'hex'));
  await eventually(() => expect(answers.size).toBe(frames.length));
  socket.destroy();
  return answers;
}

describe('recorded conversations over bolt', () => {
  const needed = new Set<string>();
  // Answers of a server that had no handler are the Java library's own.
  const sessions = RECORDINGS.filter(({ file }) => /^(session|real-server)-/.test(file));

  it.each(sessions)('$file: every answer is the recorded one, or explained', async ({ frames }) => {
    const sent = frames.filter(({ dir, parsed }) => dir === 'client->server' && parsed.type !== 0);
    const answers = await replay(sent);
    let compared = 0;
    for (const { parsed } of sent) {
      const recorded = frames.find(
        (frame) => frame.dir === 'server->client' && frame.parsed.type === 0 && frame.parsed.requestId === parsed.requestId,
      );
      if (recorded === undefined) continue;
      compared += 1;
      const name = parsed.className.split('.').at(-1) ?? '';
      if (answers.get(parsed.requestId) !== recorded.hex && EXPLAINED_REQUESTS.has(name)) needed.add(name);
      else expect(`${name} ${answers.get(parsed.requestId)}`).toBe(`${name} ${recorded.hex}`);
    }
    expect(compared).toBeGreaterThan(1);
  });

  it('heartbeats of both versions', async () => {
    const frames = RECORDINGS.find(({ file }) => file === 'heartbeats.json')?.frames ?? [];
    const requests = frames.filter(({ parsed }) => parsed.type !== 0);
    expect(requests.length).toBeGreaterThan(2);
    for (const request of requests) {
      const { proto, ver1, requestId } = request.parsed;
      const answers = frames.filter(({ parsed }) => parsed.type === 0 && parsed.proto === proto && parsed.ver1 === ver1);
      const recorded = answers.filter(({ parsed }) => parsed.requestId === requestId).map(({ hex }) => hex);
      expect(recorded).toContain([...(await replay([request])).values()][0]);
    }
  });

  it('need every explanation', () => {
    expect([...needed].sort()).toEqual([...EXPLAINED_REQUESTS.keys()].sort());
  });
});

describe('recorded calls over HTTP', () => {
  const needed = new Set<string>();

  const exchanges = (file: string) =>
    (JSON.parse(readFileSync(new URL(`../../vectors/sofa-admin/${file}`, import.meta.url), 'utf8')) as { exchanges: Exchange[] }).exchanges;

  async function compare({ request, response }: Exchange, port: number): Promise<void> {
    const { method, path, contentType, body } = request;
    const headers = contentType === undefined ? {} : { 'content-type': contentType };
    const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
    const answer = await http(port, { method, path, headers, ...sent });
    // What an error's body says is of no use to a program.
    const isFine = response.status === 200;
    const mine = { status: answer.status, body: isFine ? (response.json === undefined ? answer.text : parsed(answer.text)) : '' };
    const theirs = { status: response.status, body: isFine ? addressed(response.json ?? response.text ?? '') : '' };
    const call = `${method} ${path}`;
    const explained = EXPLAINED_CALLS.has(call) ? call : call.replace(/\?.*/, '');
    if (JSON.stringify(mine) !== JSON.stringify(theirs) && EXPLAINED_CALLS.has(explained)) needed.add(explained);
    else expect({ call, ...mine }).toEqual({ call, ...theirs });
  }

  /** The recorded server had another address, and other clients. */
  function addressed(value: unknown): unknown {
    const text = JSON.stringify(value).replaceAll('192.0.2.2:9600', `127.0.0.1:${gateway.sofaPort}`).replace(/^"5"$/, '"0"');
    return JSON.parse(text.replace(`${gateway.sofaPort}?weight=5`, `${gateway.sofaPort}?weight=0`)) as unknown;
  }

  it('the session list', async () => {
    for (const exchange of exchanges('session-list-6.6.3.json')) await compare(exchange, gateway.sofaHttpPort);
  });

  it('the Meta API', async () => {
    for (const exchange of exchanges('meta-admin-6.6.3.json')) await compare(exchange, gateway.adminPort);
  });

  it('need every explanation', () => {
    expect([...needed].sort()).toEqual([...EXPLAINED_CALLS.keys()].sort());
  });
});

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
