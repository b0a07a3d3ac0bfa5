import { createRouter, createWebHashHistory, type RouteRecordRaw } from 'vue-router'
import { agent, refreshAgent } from './state/agent'

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
  { path: '/settings', name: 'settings', component: () => import('./screens/settings/SettingsScreen.vue'), meta: { open: true } },
  { path: '/:rest(.*)*', redirect: '/tasks' },
]

export const router = createRouter({ history: createWebHashHistory(), routes })

router.beforeEach(async (to) => {
  if (!agent.state) await refreshAgent()
  const state = agent.state
  if (!state || to.meta.open) return true
  if (!state.enrolled) return { name: 'enrol' }
  if (state.locked) return { name: 'unlock', query: { to: to.fullPath } }
  return true
})
