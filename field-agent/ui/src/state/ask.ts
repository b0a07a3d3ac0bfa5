import { shallowRef } from 'vue'

/** A question before something that cannot be taken back. */
export interface Question {
  message: string
  /** Words of the two buttons. */
  yes: string
  no: string
}

export const question = shallowRef<Question & { answered: (yes: boolean) => void }>()

/** Asks, and ends with the answer. */
export function ask(asked: Question): Promise<boolean> {
  return new Promise((done) => {
    question.value = {
      ...asked,
      answered: (yes) => {
        question.value = undefined
        done(yes)
      },
    }
  })
}
