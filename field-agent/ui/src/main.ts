import { createApp, watch } from 'vue'
import './style/vant'
import './style/tokens.css'
import './style/base.css'
import App from './App.vue'
import { i18n } from './i18n'
import { router } from './router'
import { startPolling } from './state/agent'
import { applySettings, settings } from './state/settings'

applySettings()
watch(
  () => settings.locale,
  (locale) => (i18n.global.locale.value = locale),
)
startPolling()
createApp(App).use(i18n).use(router).mount('#app')
