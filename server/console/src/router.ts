import { type RouteRecordRaw, createRouter, createWebHistory } from 'vue-router'
import { i18n } from './i18n'
import { session } from './session/session'

declare module 'vue-router' {
  interface RouteMeta {
    /** The entry of the navigation that is lit. */
    place?: string
    /** Can be seen without a session. */
    open?: boolean
  }
}

const inside: RouteRecordRaw[] = [
  { path: '', name: 'overview', component: () => import('./overview/OverviewPage.vue'), meta: { place: 'overview' } },
  { path: 'items', name: 'items', component: () => import('./items/ItemsPage.vue'), meta: { place: 'items' } },
  { path: 'items/:id/edit', name: 'item-edit', component: () => import('./items/ItemEditPage.vue'), props: true, meta: { place: 'items' } },
  { path: 'items/:id', name: 'item', component: () => import('./items/ItemPage.vue'), props: true, meta: { place: 'items' } },
  {
    path: 'registers',
    component: () => import('./registers/RegistersPage.vue'),
    meta: { place: 'registers' },
    children: [
      { path: '', redirect: { name: 'objects' } },
      { path: 'objects', name: 'objects', component: () => import('./registers/ObjectsTab.vue') },
      { path: 'inspectors', name: 'inspectors', component: () => import('./registers/InspectorsTab.vue') },
      { path: 'avoidances', name: 'avoidances', component: () => import('./registers/AvoidancesTab.vue') },
    ],
  },
  { path: 'import/:kind', name: 'import', component: () => import('./imports/ImportPage.vue'), props: true, meta: { place: 'registers' } },
  { path: 'plans', name: 'plans', component: () => import('./plans/PlansPage.vue'), meta: { place: 'plans' } },
  { path: 'plans/new', name: 'plan-new', component: () => import('./plans/PlanEditPage.vue'), meta: { place: 'plans' } },
  { path: 'plans/:id', name: 'plan', component: () => import('./plans/PlanPage.vue'), props: true, meta: { place: 'plans' } },
  { path: 'plans/:id/edit', name: 'plan-edit', component: () => import('./plans/PlanEditPage.vue'), props: true, meta: { place: 'plans' } },
  { path: 'draws', name: 'draws', component: () => import('./draws/DrawsPage.vue'), meta: { place: 'draws' } },
  { path: 'substitutions', name: 'substitutions', component: () => import('./draws/SubstitutionsPage.vue'), meta: { place: 'draws' } },
  { path: 'draws/year', name: 'draw-year', component: () => import('./draws/year/YearPage.vue'), meta: { place: 'draws' } },
  { path: 'draws/:id', name: 'draw', component: () => import('./draws/DrawPage.vue'), props: true, meta: { place: 'draws' } },
  { path: 'tasks', name: 'tasks', component: () => import('./tasks/TasksPage.vue'), meta: { place: 'tasks' } },
  { path: 'notices', name: 'notices', component: () => import('./notices/NoticesPage.vue'), meta: { place: 'tasks' } },
  { path: 'tasks/:id', name: 'task', component: () => import('./tasks/TaskPage.vue'), props: true, meta: { place: 'tasks' } },
  { path: 'review/:task?', name: 'review', component: () => import('./review/ReviewPage.vue'), props: true, meta: { place: 'review' } },
  { path: 'publication', name: 'publication', component: () => import('./publication/PublicationPage.vue'), meta: { place: 'publication' } },
  { path: 'quarantine', name: 'quarantine', component: () => import('./quarantine/QuarantinePage.vue'), meta: { place: 'quarantine' } },
  { path: 'bundles', name: 'bundles', component: () => import('./bundles/BundlesPage.vue'), meta: { place: 'bundles' } },
  { path: 'accounts', name: 'accounts', component: () => import('./accounts/AccountsPage.vue'), meta: { place: 'accounts' } },
  { path: 'journal', name: 'journal', component: () => import('./journal/JournalPage.vue'), meta: { place: 'journal' } },
  { path: ':rest(.*)*', name: 'missing', component: () => import('./ui/NotFound.vue') },
]

export const router = createRouter({
  history: createWebHistory('/console/'),
  routes: [
    { path: '/sign-in', name: 'sign-in', component: () => import('./session/SignIn.vue'), meta: { open: true } },
    { path: '/draws/:id/slips', name: 'slips', component: () => import('./draws/SlipsPage.vue'), props: true, meta: { place: 'draws' } },
    { path: '/tasks/:id/notice', name: 'notice', component: () => import('./notices/NoticePage.vue'), props: true, meta: { place: 'tasks' } },
    { path: '/notices/print', name: 'notice-print', component: () => import('./notices/NoticePrint.vue'), meta: { place: 'tasks' } },
    { path: '/', component: () => import('./layout/Shell.vue'), children: inside },
  ],
})

router.beforeEach(async (to) => {
  if (to.meta.open) return true
  const user = await session.ensure().catch(() => undefined)
  return user && !user.must_change_password ? true : { name: 'sign-in', query: { then: to.fullPath } }
})

router.afterEach((to) => {
  const { t } = i18n.global
  const place = to.meta.place ? `${t(`place.${to.meta.place}`)} · ` : ''
  document.title = `${place}${t('app.name')}`
})
