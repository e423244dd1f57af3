/** One measured number, with what it is held against. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Measured in the same run: the raw cost, or a real peer. */
  readonly beside?: { readonly name: string; readonly value: number };
  /** What the ratio to `beside`, or without one the value itself, must reach. */
  readonly goal?: { readonly kind: 'at least' | 'at most'; readonly of: 'ratio' | 'value'; readonly bound: number };
}

export interface Bench {
  readonly name: string;
  /** One sentence: what is done and what is measured. */
  readonly about: string;
  run(context: BenchContext): Promise<readonly Figure[]>;
}

export interface BenchContext {
  /** Also run the real peers of the ecosystem, where the bench knows one. */
  readonly withPeers: boolean;
  /** Folder for processor profiles and heap snapshots; undefined when none are wanted. */
  readonly profileDir: string | undefined;
  /** A size at the scale of this run, at least 1: small runs show that a bench works, not how fast anything is. */
  scaled(size: number): number;
  say(text: string): void;
}

export function ratioOf(figure: Figure): number | undefined {
  return figure.beside === undefined ? undefined : figure.value / figure.beside.value;
}

/** undefined for a figure without a goal, or whose goal is a ratio to something that was not run. */
export function isMet(figure: Figure): boolean | undefined {
  if (figure.goal === undefined) return undefined;
  const { kind, of, bound } = figure.goal;
  const measured = of === 'ratio' ? ratioOf(figure) : figure.value;
  if (measured === undefined || Number.isNaN(measured)) return undefined;
  return kind === 'at least' ? measured >= bound : measured <= bound;
}

const HEAD = ['figure', 'measured', 'beside it', 'ratio', 'goal', ''];

export function figureTable(figures: readonly Figure[]): string {
  const rows = [HEAD, ...figures.map(row)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return rows
    .map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The same as plain data. */
export function figureRecords(figures: readonly Figure[]): readonly object[] {
  return figures.map((figure) => ({ ...figure, ratio: ratioOf(figure) ?? null, met: isMet(figure) ?? null }));
}

function row(figure: Figure): string[] {
  const { name, value, unit, beside, goal } = figure;
  const ratio = ratioOf(figure);
  const met = isMet(figure);
  return [
    name,
    `${short(value)} ${unit}`,
    beside === undefined ? '' : `${short(beside.value)} ${beside.name}`,
    ratio === undefined ? '' : short(ratio),
    goal === undefined ? '' : `${goal.of} ${goal.kind} ${short(goal.bound)}`,
    met === undefined ? '' : met ? 'met' : 'MISSED',
  ];
}

/** Three significant digits, without an exponent. */
function short(value: number): string {
  if (!Number.isFinite(value)) return 'none';
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en-GB');
  return String(Number(value.toPrecision(3)));
}
