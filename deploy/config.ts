import { eurekaConfigProblems } from '../adapters/eureka/index.ts';
import { checkSettings } from './check-settings.ts';
import { type Config, configSchema } from './config-schema.ts';
import { type Command, Findings, readSources } from './config-sources.ts';
import { clusterProblems } from './node-network.ts';
import { portProblems } from './ports.ts';

export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `the configuration has ${problems.length === 1 ? 'an error' : `${problems.length} errors`}:\n${problems.map((p) => `  - ${p}`).join('\n')}`,
    );
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/**
 * Reads settings from file, environment and flags, checks them together against the schema and against each other, and fills in
 * defaults.
 *
 * @throws ConfigError with all problems at once.
 */
export function loadConfig(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): { readonly config: Config; readonly command: Command } {
  const findings = new Findings();
  const { tree, command, isComplete } = readSources(argv, environment, findings);
  checkSettings(configSchema, tree, findings);
  const config = tree as unknown as Config;
  if (isComplete) checkTogether(config, findings);
  const isAsked = command.kind === 'help' || command.kind === 'version';
  if (findings.problems.length > 0 && !isAsked) throw new ConfigError(findings.problems);
  return { config: withOffset(config), command };
}

/** Rules between settings, and what files hold. Nothing is said of a setting that is wrong by itself. */
function checkTogether(config: Config, findings: Findings): void {
  const problems = [...clusterProblems(config), ...portProblems(config), ...eurekaConfigProblems(config.eureka)];
  const wrong = [...findings.paths];
  for (const problem of problems) {
    const about = problem.slice(0, problem.indexOf(':'));
    if (!wrong.some((path) => path === about || path.startsWith(`${about}.`))) findings.add(problem);
  }
}

/** Port 0 stays "any free port". */
function withOffset(config: Config): Config {
  const shift = (port: number) => (port === 0 ? port : port + config.portOffset);
  return {
    ...config,
    admin: { ...config.admin, port: shift(config.admin.port) },
    eureka: { ...config.eureka, port: shift(config.eureka.port) },
    sofa: { ...config.sofa, port: shift(config.sofa.port), httpPort: shift(config.sofa.httpPort) },
  };
}
