import { computed, onBeforeUnmount, ref, useTemplateRef, watch } from 'vue'

/** Rows that come into the page at once. */
export const MORE = 30

/** The first of many rows; more come when the element with the template ref `end` comes near the screen. */
export function useGrowing<T>(rows: () => T[]) {
  const length = ref(MORE)
  const shown = computed(() => rows().slice(0, length.value))
  const end = useTemplateRef<HTMLElement>('end')
  const nearEnd = new IntersectionObserver(
    (seen) => {
      if (seen.some((one) => one.isIntersecting)) length.value += MORE
    },
    { rootMargin: '1000px' },
  )
  // It is looked at anew after each step, so that one step that did not fill the screen is followed by the next.
  watch([end, length], ([now]) => {
    nearEnd.disconnect()
    if (now) nearEnd.observe(now)
  })
  onBeforeUnmount(() => nearEnd.disconnect())
  return { shown, startAgain: () => (length.value = MORE) }
}
