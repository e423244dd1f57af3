/** A request that cannot be served as it is: the status and the short text the client gets. */
export class EurekaRequestError extends Error {
  readonly status: number;

  constructor(status: number, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'EurekaRequestError';
    this.status = status;
  }
}

/** The body real servers send for a body that cannot be parsed. */
export const UNPARSABLE = '{"error": "cannot parse request body"}';
