/** Words for the codes of docs/waiting.md: the models, what they assume, and why they say nothing. */

import { both } from '@/i18n'

export const codes = both(
  {
    manager: {
    models: { simulation: '逐人模拟', mm1: 'M/M/1', mmc: 'M/M/c', mgc: 'M/G/c' },
    assumptions: {
      steady_state: '已经这样持续很久并将持续下去',
      one_line: '所有诊台前只排一队',
      first_come_first_served: '先到先看',
      nobody_leaves: '来的人都等到看完',
      poisson_arrivals: '患者到来互不相关，速率不变（预约患者其实更均匀）',
      independent_arrivals: '相邻两人到来的间隔互不相关',
      exponential_service: '每次看诊时长按指数分布（会高估等待）',
      independent_service: '每次看诊时长互不相关，也不受队伍长短影响',
      one_server: '只有一位医生',
      equal_servers: '各位医生一样快',
      two_moments: '看诊时长只看均值和方差',
      exponential_tail: '等待时间的尾部按指数分布估算',
      log_normal_service: '看诊时长按对数正态分布，逐位医生学得',
      usual_punctuality: '患者早到、迟到的情况与往常一样',
      usual_no_shows: '不来的比例与往常一样',
      usual_walk_ins: '没有预约的患者照常到来',
      desks_stay: '已开的诊台一直开着，暂停按时结束',
      doctors_begin_in_time: '医生按时开诊',
      everybody_is_seen: '来的人当天都能看上',
    },
    refusals: {
      overloaded: '来的人比能看的多，长期没有平均值可言',
      no_servers: '没有开诊的诊台',
      no_arrivals: '还没有人来',
      several_desks: '不止一个诊台，此模型只适用于一个',
    },
    },
  },
  {
    manager: {
    models: { simulation: 'Simulation of this line', mm1: 'M/M/1', mmc: 'M/M/c', mgc: 'M/G/c' },
    assumptions: {
      steady_state: 'it has gone on like this for long, and will',
      one_line: 'one line before all desks',
      first_come_first_served: 'first come, first served',
      nobody_leaves: 'whoever comes stays until she was seen',
      poisson_arrivals: 'people come independently, at one rate (appointments are more even)',
      independent_arrivals: 'the times between arrivals are independent',
      exponential_service: 'consultations are exponential (so waits are told too long)',
      independent_service: 'consultations are independent of each other and of the line',
      one_server: 'one doctor',
      equal_servers: 'all doctors are as fast',
      two_moments: 'mean and variance of consultations say all',
      exponential_tail: 'long waits fall off exponentially',
      log_normal_service: 'consultations are log-normal, learnt of each doctor',
      usual_punctuality: 'people are as early and late as usual',
      usual_no_shows: 'as many stay away as usual',
      usual_walk_ins: 'as many come without an appointment as usual',
      desks_stay: 'open desks stay open, pauses end when they were said to',
      doctors_begin_in_time: 'doctors begin in time',
      everybody_is_seen: 'whoever comes is seen that day',
    },
    refusals: {
      overloaded: 'more come than can be seen: there is no average in the long run',
      no_servers: 'no desk is open',
      no_arrivals: 'nobody has come',
      several_desks: 'there are several desks, and it knows one',
    },
    },
  },
)
