import type { Delivery } from '../api/types'
import type { GlyphName } from '../parts/glyphs'
import type { Tone } from '../parts/StatusTag.vue'

/** How the way to the server looks; the word comes from the texts. */
export const deliveryLook: Record<Delivery, { tone: Tone; glyph: GlyphName }> = {
  on_this_tablet: { tone: 'warn', glyph: 'tablet' },
  sent: { tone: 'blue', glyph: 'cloudUp' },
  confirmed: { tone: 'good', glyph: 'cloudCheck' },
  elsewhere: { tone: 'warn', glyph: 'cloudOff' },
  refused: { tone: 'bad', glyph: 'warn' },
}
