/** Where this phone is, asked for only when she has agreed to it. */

const PATIENCE = 15_000 // milliseconds

/** Raises what the browser does: denied, unavailable, too slow. */
export function whereIAm(): Promise<{ latitude: number; longitude: number; accuracy: number }> {
  return new Promise((resolve, reject) => {
    if (!('geolocation' in navigator)) return reject(new Error('no geolocation'))
    navigator.geolocation.getCurrentPosition(
      ({ coords: { latitude, longitude, accuracy } }) => resolve({ latitude, longitude, accuracy: Math.min(Math.max(accuracy, 0), 100_000) }),
      reject,
      { enableHighAccuracy: true, timeout: PATIENCE, maximumAge: 0 /* where she was refused is where she was */ },
    )
  })
}
