import { answer, api } from './client'
import type { PhotoView } from './types'

/** Hands the untouched file to the agent; the answer means that it is on disk. */
export function addPhoto(task: string, file: File, point: string, caption: string): Promise<PhotoView> {
  return answer(
    api.POST('/api/tasks/{task}/photos', {
      params: { path: { task } },
      body: { file: '', point, caption },
      bodySerializer: () => {
        const form = new FormData()
        form.append('point', point)
        form.append('caption', caption)
        form.append('file', file)
        return form
      },
    }),
  )
}

/** Where the bytes of a photo are. */
export function photoUrl(task: string, photo: string, form: 'thumbnail' | 'rendition' | 'original'): string {
  return `/api/tasks/${encodeURIComponent(task)}/photos/${encodeURIComponent(photo)}/${form}`
}
