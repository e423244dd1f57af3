import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EurekaGateway, startEurekaGateway } from '../../support/eureka-gateway.ts';
import { applicationsOf, compareAnswer, recordedCases, sendStep } from '../../support/eureka-replay.ts';
import { EXPLAINED } from './explained.ts';

/** Every case that a real server answered, against the adapter over the real roles. Each difference is one that `explained.ts` names. */
describe('exchanges recorded from a Spring Cloud Eureka server 4.3.1', () => {
  let gateway: EurekaGateway;
  beforeAll(async () => {
    gateway = await startEurekaGateway();
  });
  afterAll(() => gateway.stop());

  const used = new Set<string>();
  for (const recorded of recordedCases()) {
    it(recorded.name, async () => {
      if (recorded.fresh === true) {
        await gateway.stop();
        gateway = await startEurekaGateway();
      }
      const applications = applicationsOf(recorded);
      const unexplained: string[] = [];
      for (const [index, step] of recorded.steps.entries()) {
        const answer = await sendStep(gateway.port, step);
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
