import { environmentNameOf, flagOf, settings } from './config-schema.ts';

/** The text of `--help`, made from the schema. */
export function helpText(version: string): string {
  const options = settings().map((setting) => {
    const facts = [setting.range, setting.defaultValue === undefined ? undefined : `default ${JSON.stringify(setting.defaultValue)}`];
    return [
      `  ${flagOf(setting.path)} VALUE`,
      `      ${setting.description} (${facts.filter((fact) => fact !== undefined).join('; ')})`,
      `      environment: ${environmentNameOf(setting.path)}`,
    ].join('\n');
  });
  return `Isthmus ${version} - one service registry for Eureka, Nacos, Dubbo and SOFA clients

Usage: isthmus [options]

  --config FILE     read settings from a JSON file (environment: ISTHMUS_CONFIG)
  --check-config    check the configuration and say what is wrong with it
  --print-ports     list every listener with its purpose
  --version         print the version
  --help            print this text

Settings, the later source wins: file, environment, flags.

${options.join('\n')}

Exit codes: 0 stopped as asked, 1 could not start, 2 wrong configuration, 70 internal error.
`;
}
