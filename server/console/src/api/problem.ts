/** A refusal in the shape of RFC 9457, as every endpoint of the server gives it. */
export interface ProblemBody {
  title?: string
  status?: number
  /** Stable, for programs. */
  code?: string
  /** For people, in their language. */
  detail?: string
  fields?: { field: string; message: string }[]
}

export class ApiProblem extends Error {
  readonly status: number
  readonly code: string
  readonly fields: { field: string; message: string }[]

  constructor(status: number, body: ProblemBody) {
    super(body.detail ?? body.title ?? `HTTP ${status}`)
    this.name = 'ApiProblem'
    this.status = status
    this.code = body.code ?? 'unknown'
    this.fields = body.fields ?? []
  }

  /** What the server says about one field of the form that was sent, if anything. */
  of(field: string): string | undefined {
    return this.fields.find((f) => f.field === field)?.message
  }
}

/** The server could not be reached, or the answer was cut off: nothing is known about the outcome. */
export const UNREACHABLE = 'unreachable'

export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error
  const detail = error instanceof Error ? error.message : String(error)
  return new ApiProblem(0, { code: UNREACHABLE, detail })
}

export async function problemOf(response: Response): Promise<ApiProblem> {
  const text = await response.text().catch(() => '')
  try {
    return new ApiProblem(response.status, JSON.parse(text) as ProblemBody)
  } catch {
    return new ApiProblem(response.status, { detail: text.slice(0, 300) || response.statusText })
  }
}
