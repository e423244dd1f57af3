import { type ParseArgsConfig, parseArgs } from 'node:util';

/** What can be asked of a tool, read from the command line. A mistake ends the tool with 2, a sentence and `usage`. */
export class Arguments<T extends ParseArgsConfig> {
  readonly values: ReturnType<typeof parseArgs<T>>['values'];
  readonly positionals: readonly string[];
  readonly #usage: string;

  constructor(usage: string, config: T) {
    this.#usage = usage;
    try {
      const { values, positionals } = parseArgs(config);
      this.values = values;
      this.positionals = positionals;
    } catch (caught) {
      this.refuse(caught instanceof Error ? caught.message : String(caught));
    }
  }

  /** The whole number, at least `least`, that an option has. */
  number(option: keyof T['options'] & string, least: number): number {
    const text = (this.values as Readonly<Record<string, unknown>>)[option];
    const number = Number(text);
    if (text === '' || !Number.isSafeInteger(number) || number < least)
      this.refuse(`--${option}: ${JSON.stringify(text)} is not allowed; allowed: whole numbers from ${least}`);
    return number;
  }

  refuse(sentence: string): never {
    console.error(`${sentence}\nusage: ${this.#usage}`);
    process.exit(2);
  }
}
