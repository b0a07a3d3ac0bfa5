import { type Schemas, answer, api, sendFile } from '@/api/client'

export type ImportKind = 'objects' | 'inspectors' | 'items' | 'avoidances'
export type ImportView = Schemas['ImportView']

/** What the server calls the kinds. */
const kinds: Record<ImportKind, Schemas['ImportKind']> = {
  objects: 'objects',
  inspectors: 'inspectors',
  items: 'items',
  avoidances: 'avoid',
}

export async function upload(kind: ImportKind, file: File, progress: (share: number) => void): Promise<ImportView> {
  const url = `/api/imports?kind=${kinds[kind]}&name=${encodeURIComponent(file.name)}`
  return (await sendFile('POST', url, file, progress)) as ImportView
}

const at = (id: string) => ({ params: { path: { id } } })

export const readImport = (id: string) => answer(api.GET('/api/imports/{id}', at(id)))
export const apply = (id: string) => answer(api.POST('/api/imports/{id}/apply', at(id)))
