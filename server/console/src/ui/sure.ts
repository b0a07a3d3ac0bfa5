import { ElMessageBox } from 'element-plus'
import { i18n } from '@/i18n'

/** Asks before an act that cannot be taken back. */
export function sure(title: string, text: string, action: string): Promise<boolean> {
  return ElMessageBox.confirm(text, title, {
    confirmButtonText: action,
    cancelButtonText: i18n.global.t('do.cancel'),
    autofocus: false,
    closeOnClickModal: false,
  }).then(
    () => true,
    () => false,
  )
}
