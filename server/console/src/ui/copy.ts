import { ElMessage } from 'element-plus'
import { i18n } from '@/i18n'

/** Puts text on the clipboard, also where the page was opened without TLS and the newer interface is missing. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text)
  } else {
    const area = document.createElement('textarea')
    area.value = text
    document.body.append(area)
    area.select()
    document.execCommand('copy')
    area.remove()
  }
  ElMessage.success(i18n.global.t('do.copied'))
}
