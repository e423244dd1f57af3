/** What one client keeps of the registry, by the algorithm of the Java clients (Eureka protocol, client-side algorithm). */
export interface ParsedApplications {
  readonly versions__delta: string;
  readonly apps__hashcode: string;
  readonly application: readonly {
    readonly name: string;
    readonly instance: readonly { readonly instanceId: string; readonly status: string; readonly actionType: string }[];
  }[];
}

export class PollingClient {
  readonly #statuses = new Map<string, string>();
  readonly #counts = new Map<string, number>();
  hasRegistry = false;

  get size(): number {
    return this.#statuses.size;
  }

  replace(full: ParsedApplications): void {
    this.#statuses.clear();
    this.#counts.clear();
    for (const { name, instance } of full.application)
      for (const { instanceId, status } of instance) this.#set(`${name}/${instanceId}`, status);
    this.hasRegistry = true;
  }

  /** Applies a delta; false when the client's own hash differs from the document's afterwards. */
  apply(delta: ParsedApplications): boolean {
    for (const { name, instance } of delta.application) {
      for (const { instanceId, status, actionType } of instance) {
        const key = `${name}/${instanceId}`;
        if (actionType === 'DELETED') this.#delete(key);
        else this.#set(key, status);
      }
    }
    return this.hash() === delta.apps__hashcode;
  }

  hash(): string {
    return [...this.#counts]
      .filter(([, count]) => count > 0)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([status, count]) => `${status}_${count}_`)
      .join('');
  }

  #set(key: string, status: string): void {
    this.#delete(key);
    this.#statuses.set(key, status);
    this.#counts.set(status, (this.#counts.get(status) ?? 0) + 1);
  }

  #delete(key: string): void {
    const status = this.#statuses.get(key);
    if (status === undefined) return;
    this.#statuses.delete(key);
    this.#counts.set(status, (this.#counts.get(status) ?? 0) - 1);
  }
}
