/** Why a camera or microphone did not open: not allowed, not there, or something else has it. */
export function whyClosed(cause: unknown): 'denied' | 'none' | 'busy' {
  const name = cause instanceof DOMException ? cause.name : ''
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied'
  // Without a secure page there is no `mediaDevices` at all.
  if (name === 'NotFoundError' || name === 'OverconstrainedError' || cause instanceof TypeError) return 'none'
  return 'busy'
}
