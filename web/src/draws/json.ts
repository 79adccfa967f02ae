/**
 * JSON (RFC 8259), read more strictly than the browser does: an object with a member twice is refused, and a number remembers
 * whether it was written as a whole one. A record that one reader takes for another than the next does would prove nothing.
 */

export type Json = null | boolean | string | number | Fraction | Json[] | Members
export type Members = Map<string, Json>

/** A number with a point or an exponent: no value in a record or receipt is one. */
export class Fraction {
  readonly written: string
  constructor(written: string) {
    this.written = written
  }
}

export class NoJson extends Error {}

const DEEPEST = 200
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/y
// eslint-disable-next-line no-control-regex
const PLAIN = /[^"\\\u0000-\u001f]*/y
const SPACE = /[ \t\n\r]*/y
const ESCAPES: Record<string, string> = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }

/** Raises NoJson. */
export function readJson(bytes: Uint8Array): Json {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new NoJson('no UTF-8')
  }
  const reader = new Reader(text)
  const value = reader.value(0)
  reader.space()
  if (reader.at < text.length) throw new NoJson(`more at ${reader.at}`)
  return value
}

class Reader {
  at = 0
  readonly text: string
  constructor(text: string) {
    this.text = text
  }

  space(): void {
    this.match(SPACE)
  }

  value(depth: number): Json {
    if (depth > DEEPEST) throw new NoJson('too deep')
    this.space()
    const first = this.text[this.at]
    if (first === '{') return this.members(depth)
    if (first === '[') return this.items(depth)
    if (first === '"') return this.string()
    for (const [word, value] of [['true', true], ['false', false], ['null', null]] as const)
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length
        return value
      }
    return this.number()
  }

  private members(depth: number): Members {
    const found: Members = new Map()
    this.at++
    this.space()
    if (this.takes('}')) return found
    do {
      this.space()
      if (this.text[this.at] !== '"') throw this.wrong()
      const name = this.string()
      if (found.has(name)) throw new NoJson(`a member twice: ${name}`)
      this.space()
      this.expect(':')
      found.set(name, this.value(depth + 1))
      this.space()
    } while (this.takes(','))
    this.expect('}')
    return found
  }

  private items(depth: number): Json[] {
    const found: Json[] = []
    this.at++
    this.space()
    if (this.takes(']')) return found
    do {
      found.push(this.value(depth + 1))
      this.space()
    } while (this.takes(','))
    this.expect(']')
    return found
  }

  private string(): string {
    let found = ''
    this.at++
    for (;;) {
      found += this.match(PLAIN)
      const next = this.text[this.at++]
      if (next === '"') return found
      if (next !== '\\') throw this.wrong()
      found += this.escape()
    }
  }

  private escape(): string {
    const kind = this.text[this.at++] ?? ''
    if (kind !== 'u') {
      const plain = ESCAPES[kind]
      if (plain === undefined) throw this.wrong()
      return plain
    }
    const code = this.text.slice(this.at, this.at + 4)
    if (!/^[0-9a-fA-F]{4}$/.test(code)) throw this.wrong()
    this.at += 4
    return String.fromCharCode(parseInt(code, 16))
  }

  private number(): number | Fraction {
    NUMBER.lastIndex = this.at
    const hit = NUMBER.exec(this.text)
    if (!hit) throw this.wrong()
    this.at = NUMBER.lastIndex
    return hit[1] || hit[2] ? new Fraction(hit[0]) : Number(hit[0]) + 0 // -0 is 0
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)?.[0] ?? ''
    this.at += found.length
    return found
  }

  private takes(sign: string): boolean {
    if (this.text[this.at] !== sign) return false
    this.at++
    return true
  }

  private expect(sign: string): void {
    if (!this.takes(sign)) throw this.wrong()
  }

  private wrong(): NoJson {
    return new NoJson(`at ${this.at}`)
  }
}
