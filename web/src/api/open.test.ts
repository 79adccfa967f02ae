import { expect, it } from 'vitest'
import { OPEN } from './generated/open'

it('is what everybody may ask for, and not what only looks like it', () => {
  expect(OPEN.test('GET /api/v1/sessions/ses_1')).toBe(true)
  expect(OPEN.test('GET /api/v1/sessions/drafts')).toBe(false)
})
