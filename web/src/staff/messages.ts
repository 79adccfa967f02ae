import { both } from '@/i18n'

export const messages = both(
  {
    staff: {
      title: '工作台',
      hospital: '医院',
      welcome: '请选择工作台',
      desks: { desk: '诊室叫号', registrar: '排班与停诊', cashier: '收费窗口', manager: '运营管理', operator: '平台运维' },
    },
  },
  {
    staff: {
      title: 'Desks',
      hospital: 'Hospital',
      welcome: 'Choose a desk',
      desks: { desk: 'Clinic desk', registrar: 'Rosters', cashier: 'Cashier', manager: 'Management', operator: 'Operations' },
    },
  },
)
