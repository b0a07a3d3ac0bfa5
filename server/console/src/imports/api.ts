import { type Schemas, answer, api, sendFile } from '@/api/client'

export type ImportKind = Schemas['ImportKind']
export type ImportView = Schemas['ImportView']

export async function upload(kind: ImportKind, file: File, progress: (share: number) => void): Promise<ImportView> {
  const url = `/api/imports?kind=${kind}&name=${encodeURIComponent(file.name)}`
  return (await sendFile('POST', url, file, progress)) as ImportView
}

const at = (id: string) => ({ params: { path: { id } } })

export const readImport = (id: string) => answer(api.GET('/api/imports/{id}', at(id)))
export const apply = (id: string) => answer(api.POST('/api/imports/{id}/apply', at(id)))
