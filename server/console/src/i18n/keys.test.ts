import { expect, test } from 'vitest'
import en from './en'
import zh from './zh-CN'

function leaves(tree: object, path = ''): Map<string, string> {
  const found = new Map<string, string>()
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === 'string') found.set(path + key, value)
    else for (const [k, v] of leaves(value as object, `${path}${key}.`)) found.set(k, v)
  }
  return found
}

const slots = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]!).sort()

test('every English text has its Chinese, with the same slots', () => {
  const chinese = leaves(zh)
  for (const [key, text] of leaves(en)) {
    expect(chinese.has(key), key).toBe(true)
    expect(slots(text), key).toEqual(slots(chinese.get(key)!))
  }
})
