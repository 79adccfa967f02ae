/** How charts look: by the page's own colours, so that they are dark where it is. */

export interface Look {
  text: string
  faint: string
  line: string
  card: string
  brand: string
  series: string[]
  size: number
  /** Of canvases, which do not know `inherit`. */
  font: string
}

export function lookOf(root: Element = document.documentElement): Look {
  const style = getComputedStyle(root)
  const colour = (name: string) => style.getPropertyValue(name).trim()
  return {
    text: colour('--text'),
    faint: colour('--faint'),
    line: colour('--line'),
    card: colour('--card'),
    brand: colour('--brand'),
    series: ['--brand', '--warn', '--good', '--bad', '--faint'].map(colour),
    size: Math.round((parseFloat(style.fontSize) || 16) * 0.8125),
    font: getComputedStyle(document.body).fontFamily,
  }
}

/** As ECharts takes a theme. */
export function themeOf({ text, faint, line, card, series, size, font }: Look): object {
  const words = { color: text, fontSize: size, fontFamily: font }
  const axis = {
    axisLine: { lineStyle: { color: faint } },
    axisTick: { lineStyle: { color: faint } },
    axisLabel: words,
    nameTextStyle: { ...words, color: faint },
    splitLine: { lineStyle: { color: line } },
  }
  return {
    color: series,
    backgroundColor: 'transparent',
    textStyle: words,
    legend: { textStyle: words, inactiveColor: faint },
    tooltip: { backgroundColor: card, borderColor: line, textStyle: words },
    categoryAxis: axis,
    valueAxis: axis,
    markLine: { label: words },
  }
}
