/**
 * The three roundings of a weighted draw, in decimal128 of IEEE 754-2008: 34 significant digits, ties to even. With whole numbers
 * alone: a floating-point number has 16 digits, and two entrants may differ in the 30th.
 */

/** digits * 10^exponent. `digits` has 34 digits, or is 0. */
export interface Decimal {
  digits: bigint
  exponent: number
}

const PRECISION = 34
const TEN = 10n
const LEAST = TEN ** BigInt(PRECISION - 1)
const TOO_MANY = TEN ** BigInt(PRECISION)
const ZERO: Decimal = { digits: 0n, exponent: 0 }

/** numerator / denominator, neither negative, rounded correctly. */
export function divide(numerator: bigint, denominator: bigint, exponent = 0): Decimal {
  if (numerator === 0n) return ZERO
  // as many digits before the point as are kept, or one more or less
  let shift = PRECISION - 1 - (digitsOf(numerator) - digitsOf(denominator))
  for (;;) {
    const [top, bottom] = shift < 0 ? [numerator, denominator * TEN ** BigInt(-shift)] : [numerator * TEN ** BigInt(shift), denominator]
    let digits = top / bottom
    if (digits >= TOO_MANY) shift--
    else if (digits < LEAST) shift++
    else {
      const twice = 2n * (top - digits * bottom)
      if (twice > bottom || (twice === bottom && digits & 1n)) digits++
      return digits === TOO_MANY ? { digits: LEAST, exponent: exponent - shift + 1 } : { digits, exponent: exponent - shift }
    }
  }
}

function digitsOf(value: bigint): number {
  return value.toString().length
}

/** Below zero if a is smaller. Neither is negative. */
export function compare(a: Decimal, b: Decimal): number {
  if (a.digits === 0n || b.digits === 0n) return Number(a.digits > 0n) - Number(b.digits > 0n)
  if (a.exponent !== b.exponent) return a.exponent - b.exponent
  return a.digits < b.digits ? -1 : a.digits > b.digits ? 1 : 0
}

/** u = value / 2^256. */
export function uniform(value: bigint): Decimal {
  return divide(value, 1n << 256n)
}

/** -ln(u) / weight for 0 < u <= 1: each of the two rounded. */
export function exponential(u: Decimal, weight: number): Decimal {
  const x = minusLog(u)
  return divide(x.digits, BigInt(weight), x.exponent)
}

/** -ln(u), rounded correctly: calculated more and more finely until its bounds round to the same. */
export function minusLog(u: Decimal): Decimal {
  const [numerator, denominator] = u.exponent < 0 ? [u.digits, TEN ** BigInt(-u.exponent)] : [u.digits * TEN ** BigInt(u.exponent), 1n]
  if (numerator === denominator) return ZERO
  for (let bits = 256; ; bits *= 2) {
    const { value, error } = minusLogFixed(numerator, denominator, bits)
    if (value <= error) continue
    const [low, high] = [value - error, value + error].map((bound) => divide(bound, 1n << BigInt(bits))) as [Decimal, Decimal]
    if (compare(low, high) === 0) return low
  }
}

const STEPS = 64n // the logarithm is looked up at so many places between 1 and 2

interface Table {
  ln2: bigint
  /** ln(1 + i/64), i from 0 to 64 */
  lns: bigint[]
}
const tables = new Map<number, Table>()

/** -ln(numerator/denominator) * 2^bits, and by how much it may be off. */
function minusLogFixed(numerator: bigint, denominator: bigint, bits: number): { value: bigint; error: bigint } {
  const table = tableOf(bits)
  // inverse = denominator/numerator = 2^power * mantissa with 1 <= mantissa < 2, so ln(inverse) = power ln 2 + ln(mantissa)
  let power = bitsOf(denominator) - bitsOf(numerator)
  if (numerator << BigInt(Math.max(power, 0)) > denominator << BigInt(Math.max(-power, 0))) power--
  const [top, bottom] = power < 0 ? [denominator << BigInt(-power), numerator] : [denominator, numerator << BigInt(power)]
  // the nearest place at which the logarithm is known: mantissa = place * (1 + z)/(1 - z) with a small z
  const place = (top * STEPS * 2n + bottom) / (2n * bottom)
  const z = ((top * STEPS - place * bottom) << BigInt(bits)) / (top * STEPS + place * bottom)
  const value = BigInt(power) * table.ln2 + table.lns[Number(place - STEPS)]! + twiceAtanh(z, bits)
  // ln 2 and its multiples are off by 2^-bits * 2 bits at most, the series by its number of terms: generous
  return { value, error: BigInt(2 * bits * (2 + Math.abs(power))) }
}

function bitsOf(value: bigint): number {
  const hex = value.toString(16)
  return 4 * hex.length - Math.clz32(parseInt(hex[0]!, 16)) + 28
}

/** 2 atanh(z) = 2 (z + z^3/3 + z^5/5 + ...), z as a multiple of 2^-bits. */
function twiceAtanh(z: bigint, bits: number): bigint {
  const by = BigInt(bits)
  const square = (z * z) >> by
  let sum = 0n
  let power = z
  for (let n = 1n; power !== 0n && power !== -1n; n += 2n) {
    sum += power / n
    power = (power * square) >> by
  }
  return 2n * sum
}

function tableOf(bits: number): Table {
  let table = tables.get(bits)
  if (!table) {
    const one = 1n << BigInt(bits)
    const ln2 = twiceAtanh(one / 3n, bits) // 2 atanh(1/3) = ln 2
    const lns = Array.from({ length: Number(STEPS) + 1 }, (_, i) => twiceAtanh((BigInt(i) * one) / (2n * STEPS + BigInt(i)), bits))
    tables.set(bits, (table = { ln2, lns }))
  }
  return table
}

/** As people read it: 0.123456789..., 34 digits. */
export function written({ digits, exponent }: Decimal): string {
  if (digits === 0n) return '0'
  const plain = digits.toString()
  const point = plain.length + exponent
  if (point > 0 && point <= plain.length) return `${plain.slice(0, point)}.${plain.slice(point)}`.replace(/\.?0*$/, '')
  const scientific = point < -5 || point > plain.length
  return (scientific ? `${plain[0]}.${plain.slice(1)}`.replace(/\.?0*$/, '') + `E${point - 1}` : `0.${'0'.repeat(-point)}${plain}`.replace(/0*$/, ''))
}
