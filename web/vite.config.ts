import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import vue from '@vitejs/plugin-vue'
import Components from 'unplugin-vue-components/vite'
import { ElementPlusResolver, VantResolver } from 'unplugin-vue-components/resolvers'
import type { Plugin, Rolldown } from 'vite'
import { VitePWA } from 'vite-plugin-pwa'
import { defineConfig } from 'vitest/config'
import { licences } from './scripts/licences.ts'

/** Writes x.gz beside every file that gains by it: gateway and embedded front hand it out as it is. */
function compressed(): Plugin {
  let folder = ''
  return {
    name: 'compressed',
    apply: 'build',
    enforce: 'post',
    configResolved: (config) => {
      folder = resolve(config.root, config.build.outDir)
    },
    closeBundle: { order: 'post', sequential: true, handler: () => compressBelow(folder) },
  }
}

function compressBelow(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) compressBelow(path)
    else if (/\.(js|css|html|svg|json|txt|webmanifest)$/.test(name) && statSync(path).size > 1000)
      writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }))
  }
}

/** Vant's style sheets as guests: they come later than ours, and would move what is on the screen already. */
function vantAsGuest(): Plugin {
  return {
    name: 'vant-as-guest',
    enforce: 'pre',
    transform(code, id) {
      // its icons a second time, at a stranger's address, which no page of ours may even name
      if (/vant\/es\/icon\/index\.css/.test(id)) return code.replace(/,url\(\/\/[^)]*\)\s*format\("woff"\)/, '')
      // what it says of the whole page: of fonts, links and lists, and that nothing that has the focus is to show it
      if (/vant\/es\/style\/base\.css/.test(id)) return code.replace(/(?<=\})(?:html|body|a|a:focus|ol|input)\b[^{}]*\{[^}]*\}/g, '')
      return null
    },
  }
}

/**
 * Few files instead of many: each takes a phone on a slow network a way of its own. What every page needs, and the pages that people
 * begin with (router/index.ts imports them), is one; each further area of the patients' is one.
 */
const PARTS: Rolldown.CodeSplittingGroup[] = [
  { name: 'frame', tags: ['$initial'], priority: 4 },
  { name: 'vant', test: /node_modules\/vant\/|src\/ui\/vantIcon/, priority: 3 },
  { name: 'ui', test: /src\/(ui|shared)\//, priority: 2 },
  { name: (id) => /src\/patient\/(\w+)\//.exec(id)?.[1] ?? null, priority: 1 },
]

const pwa = VitePWA({
  injectRegister: false, // main.ts does: the policy of content allows no script in the page
  includeAssets: ['icon.svg', 'icon-192.png'],
  manifest: {
    name: '号源 Haoyuan',
    short_name: '号源',
    description: '预约挂号，公平取号',
    lang: 'zh-CN',
    start_url: '/',
    display: 'standalone',
    theme_color: '#0b63c4',
    background_color: '#f5f7fa',
    icons: [
      { src: '/icon-192.png', sizes: '192x192', type: 'image/png' },
      { src: '/icon-512.png', sizes: '512x512', type: 'image/png' },
      { src: '/icon-512.png', sizes: '512x512', type: 'image/png', purpose: 'maskable' },
    ],
  },
  workbox: {
    // The frame of the pages works without a network; what they show is asked for each time: a stale number helps nobody.
    // An older frame names scripts that an upgrade has taken away: what the network has goes first, nothing of it is precached.
    globPatterns: [],
    navigateFallback: null,
    skipWaiting: true,
    clientsClaim: true,
    cleanupOutdatedCaches: true,
    runtimeCaching: [
      {
        // The addresses of the pages, as the gateway knows them.
        urlPattern: ({ request, url, sameOrigin }) =>
          sameOrigin && request.mode === 'navigate' && !/^\/(api|docs|\.well-known|healthz|readyz|metrics)(\/|$)|\./.test(url.pathname),
        handler: 'NetworkFirst',
        options: { cacheName: 'frame', networkTimeoutSeconds: 5, plugins: [{ cacheKeyWillBeUsed: async () => '/index.html' }] },
      },
      {
        urlPattern: ({ url, sameOrigin }) => sameOrigin && url.pathname.startsWith('/assets/'),
        handler: 'CacheFirst',
        options: { cacheName: 'assets', expiration: { maxEntries: 200 } },
      },
    ],
  },
})

export default defineConfig({
  plugins: [
    vue(),
    Components({
      dirs: [],
      dts: false,
      // tests look at no styles
      resolvers: process.env.VITEST
        ? [VantResolver({ importStyle: false }), ElementPlusResolver({ importStyle: false })]
        : [VantResolver(), ElementPlusResolver()],
    }),
    vantAsGuest(),
    licences(),
    pwa,
    compressed(),
  ],
  resolve: { alias: { '@': fileURLToPath(new URL('src', import.meta.url)) } },
  // parts of the libraries that no page of ours uses
  define: {
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __VUE_I18N_FULL_INSTALL__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
  },
  build: {
    rolldownOptions: { output: { codeSplitting: { groups: PARTS } } },
    manifest: true,
    target: ['chrome100', 'firefox100', 'safari15.4'],
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
  server: { proxy: { '/api': process.env.API ?? 'http://localhost:8000' } }, // npm run dev, beside a `make run`
  test: {
    environment: 'happy-dom',
    pool: 'vmThreads', // one happy-dom for each thread, not for each file: a third of the time
    include: ['src/**/*.test.ts'],
    restoreMocks: true,
    server: { deps: { inline: ['vant', 'element-plus'] } },
  },
})
