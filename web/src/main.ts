import { createApp } from 'vue'
import App from './App.vue'
import { i18n } from './i18n'
import { opensOffline } from './offline'
import { router } from './router'
import { confess } from './router/broken'
import { pinia } from './shared/pinia'
import './shared/preferences'
import './ui/theme.css'

const app = createApp(App).use(pinia).use(i18n).use(router)
app.config.errorHandler = (error, _component, where) => confess(error, where)
app.mount('#app')
// It never reloads a page by itself: somebody may be filling in a form.
if (import.meta.env.PROD) {
  // after what the page needs; it works without, too
  window.addEventListener('load', () => void opensOffline().catch(() => undefined))
}
