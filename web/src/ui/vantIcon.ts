import 'vant/es/icon/style'

export { Icon as default } from 'vant'
