/** What has been rendered is on the screen: a frame's callbacks run before it is painted, a task after it. */
export function painted(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))
}
