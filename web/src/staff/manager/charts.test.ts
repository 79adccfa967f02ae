import { describe, expect, it } from 'vitest'
import { BarChart, CustomChart, LineChart, ScatterChart } from 'echarts/charts'
import { AriaComponent, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent } from 'echarts/components'
import { init, use, type EChartsCoreOption } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import { backTestChart, bars, inMinutes, intervals, staffingCurve, triedOf, type Planned, type Tested } from './charts'
import { themeOf, type Look } from './chartTheme'

use([BarChart, CustomChart, LineChart, ScatterChart, AriaComponent, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent, SVGRenderer])
const look: Look = { text: '#111111', faint: '#555555', line: '#dddddd', card: '#ffffff', brand: '#0b63c4', series: ['#0b63c4', '#8a5300', '#0d7240', '#b42318', '#54616f'], size: 13, font: 'sans-serif' }

/** What ECharts draws of it, on no screen. */
function drawn(option: (look: Look) => EChartsCoreOption): string {
  const chart = init(null, themeOf(look), { renderer: 'svg', ssr: true, width: 600, height: 320 })
  chart.setOption({ animation: false, aria: { enabled: true, decal: { show: true } }, ...option(look) })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}
const outcome = (doctors: number, wait_p90: number): Planned['base'] => ({ doctors, wait_p90, seen: 9, wait_mean: 1, wait_p50: 1, overtime: 0, overtime_p90: 0, idle: 0, utilisation: 0.5 })
const staffing = { target_p90: 900, doctors: 3, most_doctors: 5, best_p90: 0, tried: [outcome(5, 60), outcome(2, 1800), outcome(3, 720)] }

describe('charts', () => {
  it('have minutes, and nothing where nothing is known', () => {
    expect(inMinutes(90)).toBe(1.5)
    expect(inMinutes(0)).toBe(0)
    expect(inMinutes(null)).toBeNull()
    expect(inMinutes(undefined)).toBeNull()
  })

  it('draw bars with a level to compare with', () => {
    const svg = drawn(bars({ names: ['骨科', '儿科'], series: [{ name: '兑现', values: [70, null] }], unit: '%' }, { at: 80, name: '目标 80%' }))
    for (const words of ['骨科', '儿科', '目标 80%']) expect(svg).toContain(words)
  })

  it('draw the staffing curve by the number of doctors', () => {
    expect(triedOf(staffing).map((one) => one.doctors)).toEqual([2, 3, 5])
    expect(staffing.tried[0]!.doctors).toBe(5) // the answer itself stays as it came
    const option = staffingCurve(staffing, { p90: 'P90', target: '目标', doctors: '医生', unit: '分' })(look) as { series: { data: unknown; markLine: { data: unknown } }[] }
    expect(option.series[0]!.data).toEqual([[2, 30], [3, 12], [5, 1]])
    expect(option.series[0]!.markLine.data).toEqual([{ yAxis: 15 }])
    expect(drawn(staffingCurve(staffing, { p90: 'P90', target: '目标', doctors: '医生', unit: '分' }))).toContain('目标')
  })

  it('draw differences from low to high', () => {
    const svg = drawn(intervals([{ name: '3 位', low: -5, mean: -4, high: -3 }], { change: '变化', interval: '区间', unit: '分' }))
    expect(svg).toContain('3 位')
    expect(svg.match(/<path|<line|<polyline/g)!.length).toBeGreaterThan(3)
  })

  it('draw what was said beside what happened', () => {
    const figures = { seen: 1, overtime: 0, wait_p90: 600 }
    const one: Tested = { date: '2026-11-20', period: 'morning', session_id: 's', doctors: 1, low: 300, high: 900, said: figures, happened: { ...figures, wait_p90: 1200 } }
    const option = backTestChart([one], ['11-20'], { band: '区间', said: '预测', happened: '实际', unit: '分' })(look) as { series: { data: unknown }[] }
    expect(option.series.map((s) => s.data)).toEqual([[[5, 15, 0]], [10], [20]])
    expect(drawn(backTestChart([one], ['11-20'], { band: '区间', said: '预测', happened: '实际', unit: '分' }))).toContain('11-20')
  })
})
