export interface Field {
  key: string
  name: string
  kind?: 'text' | 'choice' | 'choices' | 'date' | 'words' | 'number' | 'flag'
  choices?: { value: string; label: string }[]
  required?: boolean
  wide?: boolean
}

export type Draft = Record<string, string | string[] | number | boolean | null>

/** A draft of all fields from a row as the server gives it. */
export function draftOf(fields: Field[], row: Record<string, unknown> | undefined): Draft {
  return Object.fromEntries(
    fields.map((f) => {
      const value = row?.[f.key]
      const many = f.kind === 'choices' || f.kind === 'words'
      if (f.kind === 'flag') return [f.key, value === true]
      if (f.kind === 'number') return [f.key, typeof value === 'number' ? value : null]
      return [f.key, many ? ((value as string[] | undefined) ?? []).slice() : String(value ?? '')]
    }),
  )
}

/** What is sent: empty texts as null, so that "not known" and "empty" are not two things. */
export function bodyOf(draft: Draft): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(draft).map(([k, v]) => [k, typeof v !== 'string' ? v : v.trim() === '' ? null : v.trim()]),
  )
}
