import type { ClipKind, ClipView } from '../../api/types'

/** What a clip may show, in the order of a visit. */
export const KINDS: ClipKind[] = ['entry', 'identity', 'certificates', 'check', 'refusal']

export const isSound = (clip: Pick<ClipView, 'media'>) => clip.media.startsWith('audio/')
