import { both } from '@/i18n'

export const messages = both(
  { tabs: { label: '主要页面', find: '找号', orders: '订单', inbox: '消息', me: '我的', unread: '条未读' } },
  { tabs: { label: 'Main pages', find: 'Find', orders: 'Orders', inbox: 'Inbox', me: 'Me', unread: 'unread' } },
)
