import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EurekaGateway, startEurekaGateway } from '../../support/eureka-gateway.ts';
import { applicationsOf, compareAnswer, type RecordedCase, type RecordedStep } from '../../support/eureka-replay.ts';
import { http } from '../../support/http.ts';
import { EXPLAINED } from './explained.ts';

const FOLDER = new URL('../../vectors/eureka/', import.meta.url);
const CASES = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as RecordedCase)
  .sort((a, b) => Number(b.fresh === true) - Number(a.fresh === true));

/** Every case that a real server answered, against the adapter over the real roles. Each difference is one that `explained.ts` names. */
describe('exchanges recorded from a Spring Cloud Eureka server 4.3.1', () => {
  let gateway: EurekaGateway;
  beforeAll(async () => {
    gateway = await startEurekaGateway();
  });
  afterAll(() => gateway.stop());

  const used = new Set<string>();
  for (const recorded of CASES) {
    it(recorded.name, async () => {
      if (recorded.fresh === true) {
        await gateway.stop();
        gateway = await startEurekaGateway();
      }
      const applications = applicationsOf(recorded);
      const unexplained: string[] = [];
      for (const [index, step] of recorded.steps.entries()) {
        const answer = await send(gateway.port, step);
        const differences = compareAnswer(recorded.statusOnly === true ? { ...step, statusOnly: true } : step, answer, applications);
        // Where the specification leaves the answer open, the recording says so.
        if (differences.length === 0 || recorded.may?.[String(index)] !== undefined) continue;
        const key = `${recorded.name}#${index}`;
        const reason = EXPLAINED[key] ?? EXPLAINED[recorded.name];
        used.add(EXPLAINED[key] === undefined ? recorded.name : key);
        if (reason === undefined) unexplained.push(`step ${index} ${step.method} ${step.path}: ${differences.join('; ')}`);
      }
      expect(unexplained).toEqual([]);
    });
  }

  it('every explanation is needed', () => {
    expect(Object.keys(EXPLAINED).filter((key) => !used.has(key))).toEqual([]);
  });
});

async function send(port: number, step: RecordedStep) {
  const path = step.path.startsWith('//') ? step.path.slice(1) : `/eureka${step.path}`;
  const answer = await http(port, {
    method: step.method,
    path,
    headers: step.headers ?? {},
    ...(step.body === undefined ? {} : { body: bodyOf(step.body) }),
  });
  const type = String(answer.headers['content-type'] ?? '').split(';')[0] ?? '';
  return { status: answer.status, type, encoding: String(answer.headers['content-encoding'] ?? ''), body: answer.text };
}

function bodyOf(body: NonNullable<RecordedStep['body']>): string | Buffer {
  if (typeof body === 'string') return body;
  return 'gzip' in body ? gzipSync(body.gzip) : Buffer.from(body.base64, 'base64');
}
