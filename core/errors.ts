/** Every error that reaches a person or a client: a stable code, what happened, and what to do about it. */

export type ErrorCode =
  | 'VNET_ERR_MAC' // not an Ethernet address
  | 'VNET_ERR_SCRIPT' // a topology script has errors; `details` holds the diagnostics
  | 'VNET_ERR_INVALID' // a request or configuration that cannot be right
  | 'VNET_ERR_NOT_FOUND' // a host, VM, port, link or rule that does not exist
  | 'VNET_ERR_EXISTS' // the name, address or matcher is taken
  | 'VNET_ERR_CONFLICT' // the state is not the one the change was made for
  | 'VNET_ERR_UNREACHABLE' // a daemon, socket or peer that does not answer
  | 'VNET_ERR_REFUSED' // a peer that answers no: token, identity, policy
  | 'VNET_ERR_PRIVILEGE' // the operating system does not let us
  | 'VNET_ERR_UNSUPPORTED' // the kernel or the machine lacks a feature
  | 'VNET_ERR_LIMIT' // a named limit is reached
  | 'VNET_ERR_TIMEOUT'
  | 'VNET_ERR_CLOSED' // used after close()
  | 'VNET_ERR_INTERNAL';

export interface ErrorOptions {
  /** What the reader can do, in the imperative. */
  hint?: string;
  details?: unknown;
  cause?: unknown;
}

/** The shape that crosses the control API. */
export interface ErrorBody {
  code: ErrorCode;
  message: string;
  hint?: string;
  details?: unknown;
}

export class VnetError extends Error {
  override readonly name = 'VnetError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: unknown;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.details = options.details;
  }

  toBody(): ErrorBody {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(this.details === undefined ? {} : { details: this.details }),
    };
  }

  static fromBody(body: ErrorBody): VnetError {
    return new VnetError(body.code, body.message, body);
  }

  /** Any thrown value as a VnetError; what is not one already becomes `VNET_ERR_INTERNAL` with its cause kept. */
  static from(thrown: unknown): VnetError {
    if (thrown instanceof VnetError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new VnetError('VNET_ERR_INTERNAL', message, { cause: thrown });
  }
}
