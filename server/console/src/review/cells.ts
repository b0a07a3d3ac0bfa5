import { useI18n } from 'vue-i18n'

/** A photo comes with a dozen technical values; of these people read where it belongs and what it shows. */
export const readable = (path: string): boolean => !/^(photo|clip)\//.test(path) || /\/(caption|withdrawn|kind)$/.test(path)

/** Values in the reader's language: answers have names in both, all else stays as it was written. */
export function useValues(): (value: string | null | undefined) => string {
  const { t, te } = useI18n()
  return (value) => {
    if (!value) return t('field.none')
    return value
      .split(' / ')
      .map((v) => (te(`answer.${v}`) ? t(`answer.${v}`) : v))
      .join(' / ')
  }
}
