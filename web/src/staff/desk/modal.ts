/** A dialog of the browser's own, open as long as it is there: it keeps the focus inside, and closes by Escape. */

import { onBeforeUnmount, onMounted, onUnmounted, type Ref } from 'vue'

/** What is taken away while it is open gives no focus back: then that goes to what opened it, or as near to that as something is left. */
export function useModal(dialog: Readonly<Ref<HTMLDialogElement | null>>): void {
  let opener: Element | null = null
  let around: Element | null | undefined
  onMounted(() => {
    opener = document.activeElement === document.body ? null : document.activeElement
    around = opener?.closest('.card')
    dialog.value?.showModal?.()
  })
  onBeforeUnmount(() => dialog.value?.close?.())
  onUnmounted(() => {
    const left = [opener, around?.querySelector('[tabindex]'), document.getElementById('main')].find((one) => one?.isConnected)
    if (opener) (left as HTMLElement | undefined)?.focus({ preventScroll: left !== opener })
  })
}
