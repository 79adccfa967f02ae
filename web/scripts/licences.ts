/** What a build is made of: dist/licences.txt, the licences of what others wrote, and .vite/modules.json, the modules of each file. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { type Plugin } from 'vite'

/** In the worker, which is put together after the pages. */
const OF_THE_WORKER = ['workbox-core', 'workbox-expiration', 'workbox-precaching', 'workbox-routing', 'workbox-strategies', 'idb']
const TEXTS = /^(licen[cs]e|copying|notice)(\.|-|$)/i
const PACKAGE = /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/

export function licences(): Plugin {
  let root = ''
  return {
    name: 'licences',
    apply: 'build',
    configResolved: (config) => {
      root = config.root
    },
    generateBundle(_options, bundle) {
      const chunks = Object.values(bundle).filter((each) => each.type === 'chunk')
      const named = (id: string) => relative(root, id.replace(/^\0/, '').replace(/\?.*$/, ''))
      const modules = Object.fromEntries(chunks.map((chunk) => [chunk.fileName, chunk.moduleIds.map(named)]))
      const folders = new Set(OF_THE_WORKER.map((name) => join('node_modules', name)))
      for (const id of this.getModuleIds()) folders.add(PACKAGE.exec(named(id))?.[0] ?? '') // styles, too
      const known = [...folders].filter((folder) => existsSync(join(root, folder, 'package.json')) && folder).sort()
      this.emitFile({ type: 'asset', fileName: '.vite/modules.json', source: JSON.stringify(modules) })
      this.emitFile({ type: 'asset', fileName: 'licences.txt', source: known.map((folder) => told(join(root, folder))).join('') })
    },
  }
}

/** A package, with the texts that it comes with. */
function told(folder: string): string {
  const about = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const texts = readdirSync(folder).filter((name) => TEXTS.test(name)).sort()
  const author = typeof about.author === 'string' ? about.author : about.author?.name
  const heading = [`${about.name} ${about.version}`, about.license, author].filter(Boolean).join(' · ')
  return [`${'='.repeat(78)}\n${heading}`, ...texts.map((name) => readFileSync(join(folder, name), 'utf8').trim())].join('\n\n') + '\n\n'
}
