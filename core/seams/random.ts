/** Chance as a role sees it. Every identifier comes from here, so that a seed replays a run. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** A fresh UUID (version 4 form), lower case. */
  uuid(): string;
}
