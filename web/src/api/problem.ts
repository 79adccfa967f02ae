/** What an answer that is not a success says: problem+json (RFC 9457), as all our services write it. */

export interface FieldFault {
  field: string
  message: string
}

export class Problem extends Error {
  /** Stable, made for programs: `sold_out`, `not_released`. The words for people are in `i18n/problems`. */
  readonly code: string
  readonly status: number
  /** The faults of single fields, by the names that the API gives them. */
  readonly faults: FieldFault[]
  /** Everything else that the answer holds: `release_at`, `tries_left`, `current`. */
  readonly extra: Record<string, unknown>

  constructor(status: number, body: Record<string, unknown>) {
    super(typeof body.detail === 'string' ? body.detail : `HTTP ${status}`)
    this.status = status
    this.code = typeof body.code === 'string' ? body.code : `http_${status}`
    this.faults = Array.isArray(body.errors) ? (body.errors as FieldFault[]) : []
    this.extra = body
  }
}

/** No answer came: no network, or a service that is away. What was asked may have happened all the same. */
export class Unreachable extends Error {
  constructor(cause: unknown) {
    super('no answer', { cause })
  }
}

/** The codes of a 401 that is about what was sent, not about the token that came with it. */
export const OTHER_401 = new Set(['bad_credentials', 'account_deleted'])

/** Whether an answer says that it is not there, or not ours to see: what was shown of it before would be a lie. */
export function isGone(error: unknown): boolean {
  return error instanceof Problem && [401, 403, 404].includes(error.status)
}
