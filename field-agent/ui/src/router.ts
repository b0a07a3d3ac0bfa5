import { createRouter, createWebHashHistory, type RouteRecordRaw } from 'vue-router'
import { agent, refreshAgent } from './state/agent'
import { loadDrafts } from './state/drafts'
import { recentPlace, rememberPlace } from './state/where'

const routes: RouteRecordRaw[] = [
  { path: '/', redirect: '/tasks' },
  { path: '/unlock', name: 'unlock', component: () => import('./screens/unlock/UnlockScreen.vue'), meta: { open: true } },
  { path: '/enrol', name: 'enrol', component: () => import('./screens/enrol/EnrolScreen.vue'), meta: { open: true } },
  { path: '/tasks', name: 'tasks', component: () => import('./screens/tasks/TasksScreen.vue') },
  { path: '/tasks/:task', name: 'task', component: () => import('./screens/task/TaskScreen.vue'), props: true },
  {
    path: '/tasks/:task/record/:step?',
    name: 'record',
    component: () => import('./screens/record/RecordScreen.vue'),
    props: true,
  },
  { path: '/tasks/:task/ready', name: 'ready', component: () => import('./screens/sign/ReadyScreen.vue'), props: true },
  { path: '/tasks/:task/sign', name: 'sign', component: () => import('./screens/sign/SignScreen.vue'), props: true },
  { path: '/sync', name: 'sync', component: () => import('./screens/sync/SyncScreen.vue') },
  { path: '/guide', name: 'guide', component: () => import('./screens/guide/GuideScreen.vue'), meta: { open: true } },
  { path: '/settings', name: 'settings', component: () => import('./screens/settings/SettingsScreen.vue'), meta: { open: true } },
  { path: '/:rest(.*)*', redirect: '/tasks' },
]

/** The app was opened at its start, as by its icon, and not at a place of its own. Asked before the router writes an address. */
let atTheStart = /^(#\/?)?$/.test(window.location.hash)

export const router = createRouter({ history: createWebHashHistory(), routes })

router.beforeEach(async (to) => {
  if (!agent.state) await refreshAgent()
  const state = agent.state
  if (!state || to.meta.open) return true
  if (!state.enrolled) return { name: 'enrol' }
  if (state.locked || !state.me) return { name: 'unlock', query: { to: to.fullPath } }
  await loadDrafts(state.me.person).catch(() => undefined)
  // The system killed the browser behind the camera: back to the same place.
  const place = atTheStart && to.name === 'tasks' ? recentPlace() : undefined
  atTheStart = false
  return place ?? true
})

router.afterEach((to) => {
  if (!to.meta.open && agent.state?.me) rememberPlace(to.fullPath)
})
