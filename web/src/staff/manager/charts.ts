/** What the charts show, as ECharts takes it. Waits come in seconds and are shown in minutes. */

import type { EChartsCoreOption } from 'echarts/core'
import type { BookingSchemas } from '@/api'
import type { Look } from './chartTheme'

export type Planned = BookingSchemas['Planned']
export type Tested = BookingSchemas['Tested']
export type Load = BookingSchemas['Load']
export type Coverage = BookingSchemas['Coverage']

type Option = (look: Look) => EChartsCoreOption

/** Minutes with one decimal; null stays null: nothing is drawn where nothing is known. */
export function inMinutes(seconds: number | null | undefined): number | null {
  return seconds === null || seconds === undefined ? null : Math.round(seconds / 6) / 10
}

const frame = {
  grid: { left: 8, right: 16, top: 44, bottom: 8, outerBoundsMode: 'same', outerBoundsContain: 'all' },
  legend: { top: 0, type: 'plain' },
}
const tooltip = { trigger: 'axis', renderMode: 'richText', confine: true }

export interface Bars {
  names: string[]
  series: { name: string; values: (number | null)[] }[]
  unit: string
}

/** Bars side by side, for each name one of each series. `line`: a level to compare with. */
export function bars({ names, series, unit }: Bars, line?: { at: number; name: string }): Option {
  return (look) => ({
    ...frame,
    tooltip: { ...tooltip, axisPointer: { type: 'shadow' } },
    xAxis: { type: 'category', data: names, axisLabel: { interval: 0, width: 110, overflow: 'break' } },
    yAxis: { type: 'value', name: unit, max: line && atLeast(line.at) },
    series: series.map(({ name, values }, n) => ({
      type: 'bar',
      name,
      data: values,
      barMaxWidth: 36,
      ...(n === 0 && line ? { markLine: levelOf(line, look) } : {}),
    })),
  })
}

/** An axis that has room for a level above all values. */
function atLeast(level: number): (seen: { max: number }) => number | undefined {
  return ({ max }) => (max < level ? Math.ceil(level * 1.05) : undefined)
}

function levelOf({ at, name }: { at: number; name: string }, look: Look): object {
  return {
    silent: true,
    symbol: 'none',
    lineStyle: { color: look.text, type: 'dashed', width: 2 },
    label: { formatter: name, position: 'insideEndTop', color: look.text },
    data: [{ yAxis: at }],
  }
}

/** P90 by the number of doctors, and the target. */
export function staffingCurve(staffing: NonNullable<Planned['staffing']>, words: { p90: string; target: string; doctors: string; unit: string }): Option {
  const points = triedOf(staffing).map((one) => [one.doctors, inMinutes(one.wait_p90)])
  return (look) => ({
    ...frame,
    tooltip,
    xAxis: { type: 'value', name: words.doctors, nameLocation: 'middle', nameGap: 28, minInterval: 1, min: 'dataMin', max: 'dataMax' },
    yAxis: { type: 'value', name: words.unit, max: atLeast(inMinutes(staffing.target_p90)!) },
    series: [
      {
        type: 'line',
        name: words.p90,
        data: points,
        symbolSize: 10,
        markLine: levelOf({ at: inMinutes(staffing.target_p90)!, name: words.target }, look),
      },
    ],
  })
}

/** By the number of doctors; what was tried alone. */
export function triedOf(staffing: NonNullable<Planned['staffing']>): Planned['base'][] {
  return [...staffing.tried].sort((a, b) => a.doctors - b.doctors)
}

export interface Interval {
  name: string
  low: number
  mean: number
  high: number
}

/** Differences with their intervals: a bar from low to high, and a point in it. What crosses zero is no difference. */
export function intervals(rows: Interval[], words: { change: string; interval: string; unit: string }): Option {
  const names = rows.map((row) => row.name)
  return (look) => ({
    ...frame,
    tooltip: { ...tooltip, trigger: 'item' },
    xAxis: { type: 'value', name: words.unit, nameLocation: 'middle', nameGap: 28 },
    yAxis: { type: 'category', data: names, inverse: true },
    series: [
      whiskers(words.interval, rows.map((row, n) => [row.low, row.high, n]), look.brand, 'x'),
      { type: 'scatter', name: words.change, symbolSize: 12, itemStyle: { color: look.brand }, data: rows.map((row, n) => [row.mean, n]) },
    ],
  })
}

interface Drawing {
  value: (dimension: number) => number
  coord: (point: [number, number]) => [number, number]
}

/** Bars from low to high with short ends; `along` is the axis of the values. */
function whiskers(name: string, data: number[][], colour: string, along: 'x' | 'y'): object {
  const end = 7 // pixels
  return {
    type: 'custom',
    name,
    data,
    itemStyle: { color: colour },
    encode: along === 'x' ? { x: [0, 1], y: 2 } : { x: 2, y: [0, 1] },
    renderItem: (_params: unknown, api: Drawing) => {
      const place = api.value(2)
      const point = (v: number): number[] => api.coord(along === 'x' ? [v, place] : [place, v])
      const [from, to] = [point(api.value(0)), point(api.value(1))]
      const [dx, dy] = along === 'x' ? [0, end] : [end, 0]
      const line = (a: number[], b: number[]) => ({
        type: 'line',
        shape: { x1: a[0], y1: a[1], x2: b[0], y2: b[1] },
        style: { stroke: colour, lineWidth: 2 },
      })
      const cap = ([x, y]: number[]) => line([x! - dx, y! - dy], [x! + dx, y! + dy])
      return { type: 'group', children: [line(from, to), cap(from), cap(to)] }
    },
  }
}

/** What was said of each session, with its band, and what happened. */
export function backTestChart(sessions: Tested[], names: string[], words: { band: string; said: string; happened: string; unit: string }): Option {
  return (look) => ({
    ...frame,
    tooltip: { ...tooltip, trigger: 'item' },
    xAxis: { type: 'category', data: names, axisLabel: { hideOverlap: true } },
    yAxis: { type: 'value', name: words.unit, min: 0 },
    series: [
      whiskers(words.band, sessions.map((s, n) => [inMinutes(s.low)!, inMinutes(s.high)!, n]), look.faint, 'y'),
      { type: 'scatter', name: words.said, symbol: 'diamond', symbolSize: 13, itemStyle: { color: look.series[1] }, data: sessions.map((s) => inMinutes(s.said.wait_p90)) },
      { type: 'scatter', name: words.happened, symbolSize: 11, itemStyle: { color: look.brand }, data: sessions.map((s) => inMinutes(s.happened.wait_p90)) },
    ],
  })
}
