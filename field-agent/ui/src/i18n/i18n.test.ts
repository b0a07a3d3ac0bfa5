import { expect, it } from 'vitest'
import en from './en'
import zh from './zh'

function flat(value: object, under = ''): [string, string][] {
  return Object.entries(value).flatMap(([key, one]): [string, string][] =>
    typeof one === 'string' ? [[under + key, one]] : flat(one as object, `${under}${key}.`),
  )
}

const places = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort()
const chinese = new Map(flat(zh))
const english = new Map(flat(en))

// T1: English as well
it('has every text in both languages', () => expect([...english.keys()].sort()).toEqual([...chinese.keys()].sort()))

it('has no Chinese left in English', () =>
  expect([...english].filter(([, text]) => /[\u4e00-\u9fff]/.test(text))).toEqual([]))

it.each([...chinese])('fills the same places in both: %s', (key, text) => {
  expect(new Set(places(english.get(key) ?? ''))).toEqual(new Set(places(text)))
})
