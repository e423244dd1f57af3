import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/conformance', import.meta.url));

export interface MavenDriverOptions {
  /** Maven properties, e.g. the version of the client. */
  readonly properties?: Readonly<Record<string, string>>;
  readonly jvmArguments?: readonly string[];
  /** A folder of Java sources that several modules share; the pom adds `${sharedSources}`. */
  readonly sharedSources?: string;
}

/**
 * Builds a Maven module that holds real clients, once per content of its pom, sources and properties, and returns the command that runs its
 * driver. The virtual machine is kept small: several of them share a test machine. A file `jvm-arguments.txt` beside the pom adds to its flags.
 */
export async function buildMavenDriver(module: string, options: MavenDriverOptions = {}): Promise<readonly string[]> {
  const { jvmArguments = [], sharedSources } = options;
  const properties = sharedSources === undefined ? (options.properties ?? {}) : { ...options.properties, sharedSources };
  const hash = createHash('sha256').update(JSON.stringify(options.properties ?? {}));
  for (const folder of [join(module, 'src'), ...(sharedSources === undefined ? [] : [sharedSources])]) {
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(xml|java|properties)$/.test(name));
    for (const file of files.sort()) hash.update(file).update(readFileSync(join(folder, file)));
  }
  hash.update(readFileSync(join(module, 'pom.xml')));
  const name = module.split('/').filter(Boolean).at(-1) ?? 'module';
  const built = join(CACHE, `${name}-${hash.digest('hex').slice(0, 16)}`);
  if (!existsSync(built)) {
    const building = `${built}.building`;
    rmSync(building, { recursive: true, force: true });
    const goals = ['compile', 'dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${building}/lib`];
    const defined = Object.entries({ ...properties, buildDirectory: building }).map(([key, value]) => `-D${key}=${value}`);
    await promisify(execFile)('mvn', ['-q', '-B', '-f', join(module, 'pom.xml'), ...defined, ...goals], { maxBuffer: 16 * 1024 * 1024 });
    renameSync(building, built);
  }
  const ownFlags = existsSync(join(module, 'jvm-arguments.txt'))
    ? readFileSync(join(module, 'jvm-arguments.txt'), 'utf8').split(/\s+/).filter(Boolean)
    : [];
  const jvm = ['-Xmx160m', '-Xss512k', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto', ...ownFlags, ...jvmArguments];
  return ['java', ...jvm, '-cp', `${built}/classes:${built}/lib/*`, 'driver.Driver'];
}

/** Fetches what a Maven module depends on at run time, once per content of its pom and properties, and returns the folder of the jars. */
export async function copyMavenDependencies(module: string, properties: Readonly<Record<string, string>>): Promise<string> {
  const pom = join(module, 'pom.xml');
  const hash = createHash('sha256').update(JSON.stringify(properties)).update(readFileSync(pom)).digest('hex').slice(0, 16);
  const name = module.split('/').filter(Boolean).at(-1) ?? 'module';
  const copied = join(CACHE, `${name}-${hash}`);
  if (existsSync(copied)) return copied;
  const copying = `${copied}.copying`;
  rmSync(copying, { recursive: true, force: true });
  const defined = Object.entries(properties).map(([key, value]) => `-D${key}=${value}`);
  const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${copying}`];
  await promisify(execFile)('mvn', ['-q', '-B', '-f', pom, ...defined, ...goal], { maxBuffer: 16 * 1024 * 1024 });
  renameSync(copying, copied);
  return copied;
}
