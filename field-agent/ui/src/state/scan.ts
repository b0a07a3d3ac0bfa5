import decodeQR from 'qr/decode.js'

/** How a code was read. */
export type ReadHow = 'camera' | 'picture' | 'typed'

/** Longest side at which a picture is searched: more costs time and finds no more. */
const SIDE = 1600
/** Between two looks at the camera's picture. */
const PAUSE_MS = 150
/** What one look may take. */
const LOOK_MS = 120
const PICTURE_MS = 2000

function decode(image: ImageData, timeLimit: number): string | undefined {
  try {
    return decodeQR(image, { timeLimit }).trim() || undefined
  } catch {
    return undefined
  }
}

function pixels(source: CanvasImageSource, width: number, height: number, canvas: HTMLCanvasElement): ImageData | undefined {
  const scale = Math.min(1, SIDE / Math.max(width, height, 1))
  canvas.width = Math.max(1, Math.round(width * scale))
  canvas.height = Math.max(1, Math.round(height * scale))
  const context = canvas.getContext('2d', { willReadFrequently: true })
  context?.drawImage(source, 0, 0, canvas.width, canvas.height)
  return context?.getImageData(0, 0, canvas.width, canvas.height)
}

/** The text of the QR code in a picture; undefined when there is none that can be read. */
export async function readPicture(file: Blob): Promise<string | undefined> {
  const picture = await createImageBitmap(file).catch(() => undefined)
  if (!picture) return undefined
  const image = pixels(picture, picture.width, picture.height, document.createElement('canvas'))
  picture.close()
  return image && decode(image, PICTURE_MS)
}

/** Looks through the camera until a code is seen; the answer stops it. Fails when there is no camera. */
export async function watchCamera(video: HTMLVideoElement, seen: (text: string) => void): Promise<() => void> {
  const wanted = { video: { facingMode: { ideal: 'environment' } }, audio: false }
  const stream = await navigator.mediaDevices.getUserMedia(wanted)
  const canvas = document.createElement('canvas')
  let timer = 0
  let over = false
  const stop = () => {
    over = true
    window.clearTimeout(timer)
    for (const track of stream.getTracks()) track.stop()
    video.srcObject = null
  }
  video.srcObject = stream
  await video.play().catch(() => undefined)
  const look = () => {
    if (over) return
    const image = video.videoWidth ? pixels(video, video.videoWidth, video.videoHeight, canvas) : undefined
    const text = image && decode(image, LOOK_MS)
    if (text) {
      stop()
      seen(text)
    } else timer = window.setTimeout(look, PAUSE_MS)
  }
  look()
  return stop
}
