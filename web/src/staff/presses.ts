/**
 * A double click on a form's button, or Enter that is held down in a form, is one press. A form that stays open (加号, vouchers) has begun
 * anew by the second click if the answer was fast: it would be one more of them.
 */

const submits = (on: Element) => on.closest<HTMLButtonElement | HTMLInputElement>('button, input')?.type === 'submit'

/** The second click of a double click; browsers count. */
function clicked(event: MouseEvent): void {
  if (event.detail > 1 && submits(event.target as Element)) event.preventDefault()
}

/** In a field or on the button: browsers make a press of each repetition. In a text of several lines it is a new line. */
function held(event: KeyboardEvent): void {
  const on = event.target as Element
  if (event.repeat && event.key === 'Enter' && on.closest('form') && !(on instanceof HTMLTextAreaElement)) event.preventDefault()
}

/** From now on until what it answers is called. */
export function onePress(): () => void {
  document.addEventListener('click', clicked, true)
  document.addEventListener('keydown', held, true)
  return () => {
    document.removeEventListener('click', clicked, true)
    document.removeEventListener('keydown', held, true)
  }
}
