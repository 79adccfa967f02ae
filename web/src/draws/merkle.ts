/** Merkle hash trees by RFC 6962, section 2.1, with SHA-256; inclusion proofs by RFC 9162, section 2.1.3.2. */

import { sha256 } from '@noble/hashes/sha2.js'

const ascii = new TextEncoder()

export function leafHash(leaf: string): Uint8Array {
  return sha256.create().update(Uint8Array.of(0)).update(ascii.encode(leaf)).digest()
}

function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256.create().update(Uint8Array.of(1)).update(left).update(right).digest()
}

/** The largest power of two that is smaller than the number of leaves. */
function split(count: number): number {
  return 2 ** Math.ceil(Math.log2(count) - 1)
}

/** The root over the hashes of the leaves; of none, the hash of nothing. */
export function rootOf(leaves: Uint8Array[], start = 0, end = leaves.length): Uint8Array {
  if (end - start === 0) return sha256(new Uint8Array())
  if (end - start === 1) return leaves[start]!
  const middle = start + split(end - start)
  return nodeHash(rootOf(leaves, start, middle), rootOf(leaves, middle, end))
}

/** The audit path of a leaf, from the leaf up. */
export function pathOf(leaves: Uint8Array[], index: number, start = 0, end = leaves.length): Uint8Array[] {
  if (end - start <= 1) return []
  const middle = start + split(end - start)
  return index < middle
    ? [...pathOf(leaves, index, start, middle), rootOf(leaves, middle, end)]
    : [...pathOf(leaves, index, middle, end), rootOf(leaves, start, middle)]
}

/** The root to which a proof of inclusion leads; undefined if the path is none for leaf `index` of `size`. */
export function rootByPath(leaf: Uint8Array, index: number, size: number, path: Uint8Array[]): Uint8Array | undefined {
  if (!(index >= 0 && index < size)) return undefined
  let [fn, sn, found] = [index, size - 1, leaf]
  for (const step of path) {
    if (sn === 0) return undefined
    if (fn % 2 === 1 || fn === sn) {
      found = nodeHash(step, found)
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [half(fn), half(sn)]
    } else found = nodeHash(found, step)
    ;[fn, sn] = [half(fn), half(sn)]
  }
  return sn === 0 ? found : undefined
}

const half = (n: number): number => Math.floor(n / 2)
