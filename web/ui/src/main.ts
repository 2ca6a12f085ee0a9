import { createPinia } from 'pinia'
import { createApp } from 'vue'

import App from './app/App.vue'
import { installFailures } from './app/failures'
import { makeRouter } from './app/router'

import './app/theme.css'

const app = createApp(App)
installFailures(app)
app.use(createPinia())
app.use(makeRouter())
app.mount('#app')
