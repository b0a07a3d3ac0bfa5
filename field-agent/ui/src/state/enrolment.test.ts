import { expect, test } from 'vitest'
import { enrolmentOf } from './enrolment'

test.each([
  ['https://dr.example/#enrol=ABCD-EFGH-1234', { server: 'https://dr.example', code: 'ABCD-EFGH-1234' }],
  ['http://127.0.0.1:8080/#enrol=ABCD-EFGH', { server: 'http://127.0.0.1:8080', code: 'ABCD-EFGH' }],
  [' ABCD-EFGH-1234 ', { code: 'ABCD-EFGH-1234' }],
  ['https://dr.example/', undefined],
  ['javascript:alert(1)#enrol=ABCD-EFGH', undefined],
  ['https://dr.example/#enrol=<script>', undefined],
  ['', undefined],
])('%s', (text, expected) => {
  expect(enrolmentOf(text)).toEqual(expected)
})
