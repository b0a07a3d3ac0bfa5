import ElementPlus from 'element-plus'
import zhCn from 'element-plus/es/locale/lang/zh-cn'
import en from 'element-plus/es/locale/lang/en'
import 'element-plus/dist/index.css'
import { createApp } from 'vue'
import App from './App.vue'
import { whenSignedOut } from './api/client'
import { i18n, language } from './i18n'
import { router } from './router'
import { session } from './session/session'
import './theme/tokens.css'
import './theme/base.css'

whenSignedOut(() => {
  session.forget()
  const here = router.currentRoute.value
  if (here.name !== 'sign-in') void router.replace({ name: 'sign-in', query: { then: here.fullPath } })
})

createApp(App)
  .use(i18n)
  .use(router)
  .use(ElementPlus, { locale: language() === 'en' ? en : zhCn })
  .mount('#app')
