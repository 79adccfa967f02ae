import { createPinia } from 'pinia'
import { registerSW } from 'virtual:pwa-register'
import { createApp } from 'vue'
import App from './App.vue'
import { i18n } from './i18n'
import { router } from './router'
import './shared/preferences'
import './ui/theme.css'

createApp(App).use(createPinia()).use(i18n).use(router).mount('#app')
registerSW({ immediate: true })
