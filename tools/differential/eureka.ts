import { setTimeout as pause } from 'node:timers/promises';
import { EXPLAINED } from '../../test/conformance/eureka-recorded/explained.ts';
import { startEurekaGateway } from '../../test/support/eureka-gateway.ts';
import {
  type ActualAnswer,
  applicationsOf,
  compareAnswer,
  type RecordedAnswer,
  type RecordedCase,
  type RecordedStep,
  recordedCases,
  sendStep,
} from '../../test/support/eureka-replay.ts';
import { http } from '../../test/support/http.ts';
import { type SpringEureka, startSpringEureka } from '../../test/support/spring-eureka.ts';

/** As the recording was made: nothing is protected, nothing is cached beyond a change. */
const SETTINGS = {
  'eureka.server.enable-self-preservation': 'false',
  'eureka.server.eviction-interval-timer-in-ms': '1000',
  'eureka.server.use-read-only-response-cache': 'false',
};
const SETTLE_MS = 1_100;
/** Characters of a path in the report. */
const PATH_MOST = 120;
/** A timestamp that a server has just issued. */
const RECENT_MS = 10 * 60_000;

interface Difference {
  readonly step: string;
  readonly what: string;
  /** Why it is right; undefined: unexplained. */
  readonly reason: string | undefined;
}

/** Sends every recorded request to a real Spring Cloud Eureka server and to the gateway, and compares the two answers. */
export async function compareEureka(names: readonly string[]): Promise<boolean> {
  const cases = recordedCases().filter(({ name }) => names.length === 0 || names.includes(name));
  console.log('starting a real Spring Cloud Eureka server and the gateway');
  const real = await startSpringEureka(SETTINGS, ['-Xmx300m']);
  const gateway = await startEurekaGateway();
  const differences: Difference[] = [];
  let requests = 0;
  let changedSince = 0;
  try {
    for (const recorded of cases) {
      if (recorded.fresh === true) for (const port of [real.port, gateway.port]) await empty(port);
      const applications = applicationsOf(recorded);
      for (const [index, step] of recorded.steps.entries()) {
        const compared = await compareStep(recorded, index, real, gateway.port, applications);
        requests += 1;
        if (compared.recordingDiffers) changedSince += 1;
        if (compared.difference !== undefined)
          differences.push({ step: `${recorded.name}#${index} ${step.method} ${step.path.slice(0, PATH_MOST)}`, ...compared.difference });
      }
    }
  } finally {
    await gateway.stop();
    await real.stop();
  }
  return report({ cases: cases.length, requests, changedSince, differences });
}

async function compareStep(recorded: RecordedCase, index: number, real: SpringEureka, port: number, applications: ReadonlySet<string>) {
  const step = recorded.steps[index] as RecordedStep;
  if (recorded.settle === true && step.method === 'GET') await pause(SETTLE_MS);
  const theirs = await sendStep(real.port, step);
  const ours = await sendStep(port, step);
  const base = recorded.statusOnly === true ? { ...step, statusOnly: true } : step;
  const what = compareAnswer({ ...base, answer: toRecorded(theirs, step.answer) }, ours, applications);
  const recordingDiffers = compareAnswer(base, theirs, applications).length > 0;
  if (what.length === 0) return { recordingDiffers, difference: undefined };
  const reason = recorded.may?.[String(index)] ?? EXPLAINED[`${recorded.name}#${index}`] ?? EXPLAINED[recorded.name];
  return { recordingDiffers, difference: { what: what.join('; '), reason } };
}

/** A live answer in the form of a recorded one. What a client cannot use of an error is not compared, as in the recording. */
function toRecorded(answer: ActualAnswer, recorded: RecordedAnswer): RecordedAnswer {
  const head = { status: answer.status, type: answer.type, encoding: answer.encoding };
  if (recorded.error_body !== undefined || answer.status >= 400) return head;
  if (answer.body === '') return { ...head, empty: true };
  if (answer.type === 'application/json') return { ...head, json: issued(JSON.parse(answer.body)) };
  if (answer.type === 'application/xml') return { ...head, xml: answer.body };
  return head;
}

/** Dirty timestamps that the server issued itself are another moment's at the other server. */
function issued(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => issued(item));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, issued(item, name)]));
  return key === 'lastDirtyTimestamp' && Math.abs(Number(value) - Date.now()) < RECENT_MS ? '<now>' : value;
}

/** Cancels everything that can be cancelled. */
async function empty(port: number): Promise<void> {
  const { text } = await http(port, { path: '/eureka/apps', headers: { accept: 'application/json' } });
  const { applications } = JSON.parse(text) as { applications: { application: { name: string; instance: { instanceId: string }[] }[] } };
  for (const { name, instance } of applications.application)
    for (const { instanceId } of instance)
      await http(port, { method: 'DELETE', path: `/eureka/apps/${name}/${encodeURIComponent(instanceId)}` });
}

interface Outcome {
  readonly cases: number;
  readonly requests: number;
  readonly changedSince: number;
  readonly differences: readonly Difference[];
}

function report({ cases, requests, changedSince, differences }: Outcome): boolean {
  const unexplained = differences.filter(({ reason }) => reason === undefined);
  for (const { step, what, reason } of differences)
    console.log(`${reason === undefined ? 'UNEXPLAINED' : 'explained  '} ${step}\n    ${what}\n    ${reason ?? ''}`);
  console.log(`\n${cases} cases, ${requests} requests, each to both servers`);
  console.log(
    `${requests - differences.length} answered alike, ${differences.length - unexplained.length} differ for a reason, ${unexplained.length} unexplained`,
  );
  console.log(`${changedSince} answers of the real server differ from its recording`);
  return unexplained.length === 0;
}
