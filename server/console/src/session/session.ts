import { computed, reactive } from 'vue'
import { type Schemas, answer, api, setCsrfToken } from '@/api/client'
import { ApiProblem } from '@/api/problem'

export type User = Schemas['SessionView']
export type Right = Schemas['Right']
export type Role = User['grants'][number]['role']

const state = reactive<{ user: User | undefined; known: boolean }>({ user: undefined, known: false })

function take(view: User | undefined): void {
  state.user = view
  state.known = true
  setCsrfToken(view?.csrf_token ?? '')
}

/** Who is signed in, as the server says it. The token against forged requests is taken from the same answer. */
export const session = {
  user: computed(() => state.user),

  /** Asks the server once; later calls only answer from memory. */
  async ensure(): Promise<User | undefined> {
    if (!state.known) await session.refresh()
    return state.user
  },

  async refresh(): Promise<void> {
    try {
      take(await answer(api.GET('/api/session')))
    } catch (e) {
      if (!(e instanceof ApiProblem && e.status === 401)) throw e
      take(undefined)
    }
  },

  async signIn(login: string, password: string): Promise<void> {
    take(await answer(api.POST('/api/session', { body: { login, password } })))
  },

  async changePassword(old: string, fresh: string): Promise<void> {
    await answer(api.POST('/api/session/password', { body: { old, new: fresh } }))
    await session.refresh()
  },

  async signOut(): Promise<void> {
    await answer(api.DELETE('/api/session'))
    session.forget()
  },

  forget(): void {
    state.user = undefined
    state.known = false
  },

  /** Whether one of these rights is held in at least one department; the server decides each case. */
  may(...rights: Right[]): boolean {
    return rights.some((r) => state.user?.rights.includes(r))
  },

  /** Whether one of these roles is held in this department, or everywhere. */
  holds(department: string, ...roles: Role[]): boolean {
    return Boolean(state.user?.grants.some((g) => roles.includes(g.role) && (g.department === '' || g.department === department)))
  },
}
