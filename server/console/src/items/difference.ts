import type { CheckPoint } from './api'

export interface PointChange {
  kind: 'added' | 'removed' | 'changed'
  no: number
  content: string
  before?: string
}

/** What differs between two check sheets, by the points' stable ids. */
export function difference(before: CheckPoint[], after: CheckPoint[]): PointChange[] {
  const old = new Map(before.map((p) => [p.id, p]))
  const changes: PointChange[] = []
  for (const p of after) {
    const was = old.get(p.id)
    old.delete(p.id)
    if (!was) changes.push({ kind: 'added', no: p.no ?? 0, content: p.content })
    else if (JSON.stringify({ ...was, no: 0 }) !== JSON.stringify({ ...p, no: 0 })) {
      const reworded = was.content === p.content ? undefined : was.content
      changes.push({ kind: 'changed', no: p.no ?? 0, content: p.content, before: reworded })
    }
  }
  for (const p of old.values()) changes.push({ kind: 'removed', no: p.no ?? 0, content: p.content })
  return changes
}
