import 'vant/es/icon/index.css'

export { Icon as default } from 'vant'
