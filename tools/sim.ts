// The simulator from the command line: npm run sim -- --seeds 2000 --from 1, or npm run sim -- --seed 7 --trace
import { fork } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { PLANS, type Plan, type RunResult, runSeed } from '../test/sim/run-seed.ts';
import { Arguments } from './arguments.ts';

const asked = new Arguments('npm run sim -- [--seeds N] [--from N] [--jobs N] | --seed N [--trace]; [--plan NAME]', {
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(Math.max(1, cpus().length)) },
    seed: { type: 'string' },
    plan: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
});
const { values } = asked;

const plan = PLANS.find((each) => each === values.plan);
if (values.plan !== undefined && plan === undefined) asked.refuse(`--plan is one of ${PLANS.join(', ')}; without it each seed draws one`);
const planned: { readonly plan?: Plan } = plan === undefined ? {} : { plan };

if (values.seed !== undefined) {
  const result = await runSeed({
    seed: asked.number('seed', 0),
    ...planned,
    ...(values.trace ? { tell: (line: string) => console.log(line) } : {}),
  });
  console.log(summary(result));
  process.exit(result.violations.length === 0 ? 0 : 1);
}

const from = asked.number('from', 0);
const seeds = asked.number('seeds', 1);
const jobs = Math.min(asked.number('jobs', 1), seeds);
if (jobs <= 1) {
  process.exit((await runAll(from, seeds)) ? 0 : 1);
}

const share = Math.ceil(seeds / jobs);
const codes = await Promise.all(
  Array.from({ length: jobs }, (_, job) => {
    const count = Math.min(share, seeds - job * share);
    if (count <= 0) return Promise.resolve(0);
    const args = ['--jobs', '1', '--from', String(from + job * share), '--seeds', String(count)];
    if (plan !== undefined) args.push('--plan', plan);
    const child = fork(fileURLToPath(import.meta.url), args, { stdio: 'inherit' });
    return new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? 1)));
  }),
);
process.exit(codes.every((code) => code === 0) ? 0 : 1);

async function runAll(first: number, count: number): Promise<boolean> {
  const started = performance.now();
  let failed = 0;
  let simulatedMs = 0;
  for (let seed = first; seed < first + count; seed += 1) {
    const result = await runSeed({ seed, ...planned }).catch((caught: unknown) => {
      // What a role throws out of a timer ends its process, and here the run: say of which seed.
      console.error(`seed ${seed}: the run ended by an error`);
      throw caught;
    });
    simulatedMs += result.simulatedMs;
    if (result.violations.length === 0) continue;
    failed += 1;
    console.log(summary(result));
  }
  const seconds = (performance.now() - started) / 1_000;
  const virtual = `${Math.round(simulatedMs / 1_000)} virtual seconds in ${seconds.toFixed(1)} s`;
  console.log(`seeds ${first} to ${first + count - 1}: ${count - failed} passed, ${failed} failed; ${virtual}`);
  return failed === 0;
}

function summary(result: RunResult): string {
  const { seed, topology, violations, traceHash, simulatedMs, events, pushes } = result;
  const head = `seed ${seed} (${topology}): ${Math.round(simulatedMs / 1_000)} s, ${events} events, ${pushes} pushes, trace ${traceHash}`;
  if (violations.length === 0) return `${head}: passed`;
  return [
    `${head}: FAILED`,
    ...violations.map((line) => `  ${line}`),
    `  replay: npm run sim -- --seed ${seed}${plan === undefined ? '' : ` --plan ${plan}`} --trace`,
  ].join('\n');
}
