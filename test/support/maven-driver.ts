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
}

/**
 * Builds a Maven module that holds real clients, once per content of its pom, sources and properties, and returns the command that runs its
 * driver. The virtual machine is kept small: several of them share a test machine. A file `jvm-arguments.txt` beside the pom adds to its flags.
 */
export async function buildMavenDriver(module: string, options: MavenDriverOptions = {}): Promise<readonly string[]> {
  const { properties = {}, jvmArguments = [] } = options;
  const files = ['pom.xml', ...readdirSync(join(module, 'src'), { recursive: true, encoding: 'utf8' }).map((file) => join('src', file))];
  const hash = createHash('sha256').update(JSON.stringify(properties));
  for (const file of files.filter((name) => /\.(xml|java|properties)$/.test(name)).sort()) {
    hash.update(file).update(readFileSync(join(module, file)));
  }
  const name = module.split('/').filter(Boolean).at(-1) ?? 'module';
  const built = join(CACHE, `${name}-${hash.digest('hex').slice(0, 16)}`);
  if (!existsSync(built)) {
    const building = `${built}.building`;
    rmSync(building, { recursive: true, force: true });
    const goals = ['package', 'dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${building}/lib`];
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
