// Faults on a cluster of real processes: npm run chaos, npm run chaos -- --trials 50 --kinds kill-data, npm run chaos -- --demo
import { Load } from '../test/support/cluster/load.ts';
import { LocalCluster } from '../test/support/cluster/local-cluster.ts';
import type { Scene } from '../test/support/cluster/scene.ts';
import { isGood, type Outcome, runTrial, TRIAL_KINDS, TRIALS, type TrialKind } from '../test/support/cluster/trials.ts';
import { Arguments } from './arguments.ts';
import { startMetaStore } from './local-etcd.ts';

const asked = new Arguments('npm run chaos -- [--trials N] [--kinds NAME,...] [--data N] [--sessions N] [--replicas N] [--demo]', {
  options: {
    trials: { type: 'string', default: '10' },
    kinds: { type: 'string', default: TRIAL_KINDS.join(',') },
    data: { type: 'string', default: '4' },
    sessions: { type: 'string', default: '2' },
    replicas: { type: 'string', default: '2' },
    demo: { type: 'boolean', default: false },
  },
});
const { values } = asked;
const trials = asked.number('trials', 1);
const kinds = values.kinds.split(',').filter((kind): kind is TrialKind => kind in TRIALS);
if (kinds.length !== values.kinds.split(',').length) asked.refuse(`--kinds is some of ${TRIAL_KINDS.join(', ')}`);
const size = { data: asked.number('data', 1), sessions: asked.number('sessions', 1), replicas: asked.number('replicas', 1) };

const startedMs = performance.now();
const say = (text: string) => console.log(`${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(7)} s  ${text}`);
const store = await startMetaStore();
const shape = {
  metas: store.metas,
  args: store.args,
  ...size,
};
const cluster = await LocalCluster.prepare(shape);
process.on('SIGINT', () => void stopAll().then(() => process.exit(130)));
say(`starting ${cluster.nodes.map((node) => node.name).join(', ')}`);
await cluster.start();
const load = await Load.on(cluster);
const { population, probes } = load;
say('the cluster serves; a fixed population is read all the time, others come and go');

const scene: Scene = { cluster, store, population, probes, tell: values.demo ? say : () => undefined };
const outcomes = values.demo ? await demonstrate(scene) : await runAll(scene);
load.stop();
await stopAll();
console.log(`\n${report(outcomes)}`);
process.exit(outcomes.every(isGood) ? 0 : 1);

async function stopAll(): Promise<void> {
  await cluster.stop();
  await store.dispose();
}

/** One failover in words. */
async function demonstrate(shown: Scene): Promise<Outcome[]> {
  for (const node of cluster.nodes)
    say(`${node.name.padEnd(10)} process ${node.pid}, look at http://127.0.0.1:${node.ports.admin}/readyz?verbose`);
  const outcome = await runTrial('kill-data', shown);
  say(`${outcome.reads} reads of the fixed population meanwhile, ${outcome.violations} of them not whole`);
  return [outcome];
}

async function runAll(shown: Scene): Promise<Outcome[]> {
  const all: Outcome[] = [];
  for (const kind of kinds) {
    for (let at = 1; at <= trials; at += 1) {
      const outcome = await runTrial(kind, shown);
      all.push(outcome);
      const rest = [`${outcome.outageMs} ms`, `${outcome.violations} violations`, ...outcome.problems, ...outcome.measured].join(', ');
      say(`${isGood(outcome) ? 'good' : 'BAD '} ${kind} ${at}/${trials}: ${rest}`);
      for (const violation of population.violations.slice(-outcome.violations || population.violations.length))
        say(JSON.stringify(violation));
    }
  }
  return all;
}

/** The report page, in Markdown. */
function report(all: readonly Outcome[]): string {
  const rows = kinds.flatMap((kind) => {
    const mine = all.filter((outcome) => outcome.kind === kind);
    if (mine.length === 0) return [];
    const outages = mine.map((outcome) => outcome.outageMs).sort((a, b) => a - b);
    const sum = (read: (outcome: Outcome) => number) => mine.reduce((total, outcome) => total + read(outcome), 0);
    const numbers = [
      `${mine.filter(isGood).length} of ${mine.length}`,
      outages[Math.floor(outages.length / 2)],
      outages.at(-1),
      TRIALS[kind].limitMs,
      sum((outcome) => outcome.violations),
      sum((outcome) => outcome.forgotten),
      sum((outcome) => outcome.reads),
    ];
    return [`| ${TRIALS[kind].title} | ${numbers.join(' | ')} |`];
  });
  const head = ['what was done', 'good', 'median ms', 'worst ms', 'limit ms', 'lists not whole', 'registered again', 'reads'];
  return [
    '# Chaos report',
    '',
    `${shape.metas} Meta, ${shape.data} Data, ${shape.sessions} Sessions, ${shape.replicas} copies. Milliseconds from the fault until a change of every name was pushed again, or as the line says.`,
    '',
    `| ${head.join(' | ')} |`,
    `| ${head.map(() => '---').join(' | ')} |`,
    ...rows,
  ].join('\n');
}
