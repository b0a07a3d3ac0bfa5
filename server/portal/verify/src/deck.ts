import { type Tickets, beginning } from './sha'

/**
 * The decks of SPEC.md §6 without laying them out: of everybody only the first card in front is known, which is that of
 * the deck after those already dealt.
 */
export class Deck {
  /** Cards dealt so far. */
  readonly dealt: Int32Array
  /** Beginning of the ticket of the first card in front; −1 while unknown. */
  private readonly keys: Float64Array
  private readonly room: Int32Array
  /** By how much every capacity is raised. */
  raise = 0

  constructor(
    cards: number,
    private readonly tickets: (deck: number) => Tickets,
    private readonly id: (card: number) => Uint8Array,
    private readonly capacity: (card: number) => number,
  ) {
    this.dealt = new Int32Array(cards)
    this.keys = new Float64Array(cards).fill(-1)
    this.room = new Int32Array(cards).fill(-1)
  }

  key(card: number): number {
    let key = this.keys[card]!
    if (key === -1) {
      key = beginning(this.tickets(this.dealt[card]! + 1).of(this.id(card)))
      this.keys[card] = key
    }
    return key
  }

  /** Whether a card's owner has capacity left. */
  hasRoom(card: number): boolean {
    if (this.room[card] === -1) this.room[card] = this.capacity(card)
    return this.dealt[card]! < this.room[card]! + this.raise
  }

  /** Order of cards: those of an earlier deck in front, then by ticket. */
  order(a: number, aDealt: number, aKey: number, b: number, bDealt: number, bKey: number): number {
    if (aDealt !== bDealt) return aDealt - bDealt
    if (aKey !== bKey || a === b) return aKey - bKey
    const tickets = this.tickets(aDealt + 1)
    const whole = tickets.of(this.id(a)).slice()
    const other = tickets.of(this.id(b))
    for (let i = 0; i < 32; i++) if (whole[i] !== other[i]) return whole[i]! - other[i]!
    return 0
  }

  private before(a: number, b: number): boolean {
    return this.order(a, this.dealt[a]!, this.key(a), b, this.dealt[b]!, this.key(b)) < 0
  }

  private give(card: number): number {
    this.dealt[card]!++
    this.keys[card] = -1
    return card
  }

  /** Deals the first card in front of those that stand in one of the heaps and are free; −1: there is none. */
  take(heaps: Heap[], free: (card: number) => boolean): number {
    for (;;) {
      let best = -1
      for (const heap of heaps) {
        const first = heap.first(free)
        if (first !== -1 && (best === -1 || this.before(first, best))) best = first
      }
      if (best === -1 && heaps.some((heap) => heap.parked.some(free))) {
        for (const heap of heaps) heap.restore()
        this.raise++
        continue
      }
      for (const heap of heaps) heap.restore()
      return best === -1 ? -1 : this.give(best)
    }
  }

  /** Deals the first card in front out of a short list; −1: the list is empty. */
  least(cards: number[]): number {
    if (cards.length === 0) return -1
    for (;;) {
      let best = -1
      for (const card of cards) {
        if (this.hasRoom(card) && (best === -1 || this.before(card, best))) best = card
      }
      if (best !== -1) return this.give(best)
      this.raise++
    }
  }
}

/**
 * Cards of those who act in one district, perhaps meeting one need. What is kept of a card may be older than the card:
 * it is then too small, never too large, and is put right when it comes to the top.
 */
export class Heap {
  private readonly cards: Int32Array
  private readonly dealt: Int32Array
  private readonly keys: Float64Array
  private size = 0
  /** Those met without capacity; they come back when the raise goes up. */
  parked: number[] = []
  private parkedAt = 0
  private aside: number[] = []

  constructor(private readonly deck: Deck, who: Int32Array) {
    this.cards = new Int32Array(who.length)
    this.dealt = new Int32Array(who.length)
    this.keys = new Float64Array(who.length)
    for (const card of who) this.push(card)
  }

  /** The first card in front that is free and has capacity left, which stays; those passed over are set aside. */
  first(free: (card: number) => boolean): number {
    if (this.parkedAt < this.deck.raise) {
      for (const card of this.parked) this.push(card)
      this.parked = []
      this.parkedAt = this.deck.raise
    }
    while (this.size > 0) {
      const card = this.cards[0]!
      if (this.dealt[0] !== this.deck.dealt[card]) {
        this.pop()
        this.push(card)
      } else if (!this.deck.hasRoom(card)) {
        this.pop()
        this.parked.push(card)
      } else if (!free(card)) {
        this.pop()
        this.aside.push(card)
      } else {
        return card
      }
    }
    return -1
  }

  /** Puts back what was set aside. */
  restore(): void {
    for (const card of this.aside) this.push(card)
    this.aside.length = 0
  }

  private less(i: number, j: number): boolean {
    return this.deck.order(
      this.cards[i]!, this.dealt[i]!, this.keys[i]!, this.cards[j]!, this.dealt[j]!, this.keys[j]!) < 0
  }

  private swap(i: number, j: number): void {
    const [card, dealt, key] = [this.cards[i]!, this.dealt[i]!, this.keys[i]!]
    this.cards[i] = this.cards[j]!
    this.dealt[i] = this.dealt[j]!
    this.keys[i] = this.keys[j]!
    this.cards[j] = card
    this.dealt[j] = dealt
    this.keys[j] = key
  }

  private push(card: number): void {
    let i = this.size++
    this.cards[i] = card
    this.dealt[i] = this.deck.dealt[card]!
    this.keys[i] = this.deck.key(card)
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!this.less(i, parent)) break
      this.swap(i, parent)
      i = parent
    }
  }

  private pop(): void {
    this.swap(0, --this.size)
    for (let i = 0; ; ) {
      let least = i
      const [left, right] = [2 * i + 1, 2 * i + 2]
      if (left < this.size && this.less(left, least)) least = left
      if (right < this.size && this.less(right, least)) least = right
      if (least === i) return
      this.swap(i, least)
      i = least
    }
  }
}
