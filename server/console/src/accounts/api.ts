import { type Schemas, answer, api } from '@/api/client'

export type Account = Schemas['Account']
export type AccountForm = Schemas['AccountForm']
export type Grant = Schemas['Grant']
export type DeviceRow = Schemas['DeviceRow']

export const listAccounts = () => answer(api.GET('/api/accounts'))
export const createAccount = (body: AccountForm) => answer(api.POST('/api/accounts', { body }))
export const updateAccount = (id: string, body: AccountForm) =>
  answer(api.PUT('/api/accounts/{id}', { params: { path: { id } }, body }))
export const resetPassword = (id: string) =>
  answer(api.POST('/api/accounts/{id}/password', { params: { path: { id } } }))
