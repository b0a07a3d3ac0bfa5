/** Recording video and sound with the tablet's own camera and microphone. */

/** Longest recording made in the app, in milliseconds. */
export const LONGEST_MS = 15 * 60_000
const VIDEO_BITS = 1_500_000
const SOUND_BITS = 64_000

/** The first that this browser can make; all of them can be played at the office. */
const TYPES = {
  video: ['video/webm;codecs=vp8,opus', 'video/webm', 'video/mp4'],
  sound: ['audio/webm;codecs=opus', 'audio/webm', 'audio/mp4'],
}

/** So often a piece is handed over, in milliseconds: no more than this is lost when the power goes. */
const PIECE_MS = 2_000

export interface Recording {
  stream: MediaStream
  /** It ends by `stop`, and by itself when the camera is taken away; then the last piece was handed over. */
  done: Promise<void>
  stop(): void
}

/** Camera and microphone are there, and this browser cannot record them. */
export class CannotRecord extends Error {}

/**
 * Opens camera and microphone, or the microphone alone, and records: `piece` gets what was recorded since
 * the last, and how long it all is by then, in milliseconds. Fails where they cannot be opened, with {@link CannotRecord} where only
 * recording fails.
 */
export async function record(what: 'video' | 'sound', piece: (bytes: Blob, durationMs: number) => void): Promise<Recording> {
  const size = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 24 } }
  const video = what === 'video' ? { facingMode: { ideal: 'environment' }, ...size } : false
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video })
  try {
    const recorder = recorderOf(stream, what)
    if (video) await firstPicture(stream)
    const begun = performance.now()
    recorder.ondataavailable = (event) => {
      if (event.data.size) piece(event.data, performance.now() - begun)
    }
    const done = new Promise<void>((resolve) => {
      recorder.onstop = () => {
        release(stream)
        resolve()
      }
    })
    recorder.start(PIECE_MS)
    return { stream, done, stop: () => recorder.state !== 'inactive' && recorder.stop() }
  } catch (cause) {
    release(stream)
    throw new CannotRecord('no recorder', { cause })
  }
}

function recorderOf(stream: MediaStream, what: 'video' | 'sound'): MediaRecorder {
  const mimeType = TYPES[what].find((type) => MediaRecorder.isTypeSupported(type))
  return new MediaRecorder(stream, {
    ...(mimeType ? { mimeType } : {}),
    audioBitsPerSecond: SOUND_BITS,
    ...(what === 'video' ? { videoBitsPerSecond: VIDEO_BITS } : {}),
  })
}

const FIRST_PICTURE_MS = 3000

/** A camera takes a while to show something: what it has not seen does not count as recorded. */
async function firstPicture(stream: MediaStream) {
  const probe = document.createElement('video')
  probe.muted = true
  probe.playsInline = true
  await new Promise((done) => {
    probe.onloadeddata = done
    window.setTimeout(done, FIRST_PICTURE_MS)
    probe.srcObject = stream
    probe.play().catch(() => undefined)
  })
  probe.srcObject = null
}

/** Camera and microphone go off, and their lights. */
function release(stream: MediaStream) {
  for (const track of stream.getTracks()) track.stop()
}

/** How long a file plays, in milliseconds, when the browser can tell within a moment. */
export function lengthOf(file: Blob): Promise<number | undefined> {
  const url = URL.createObjectURL(file)
  const probe = document.createElement(file.type.startsWith('audio/') ? 'audio' : 'video')
  return new Promise<number | undefined>((resolve) => {
    probe.preload = 'metadata'
    probe.onloadedmetadata = () => resolve(Number.isFinite(probe.duration) ? probe.duration * 1000 : undefined)
    probe.onerror = () => resolve(undefined)
    window.setTimeout(() => resolve(undefined), 3000)
    probe.src = url
  }).finally(() => {
    probe.removeAttribute('src')
    URL.revokeObjectURL(url)
  })
}

/** A recording does not say how long it is: the player looks for its end once, and goes back. */
export function findEnd(player: HTMLMediaElement) {
  if (player.duration !== Infinity) return
  player.addEventListener('durationchange', () => (player.currentTime = 0), { once: true })
  player.currentTime = 1e9
}
