import common from './en/common'
import copy from './en/copy'
import handback from './en/handback'
import record from './en/record'
import sign from './en/sign'
import tasks from './en/tasks'
import type { Messages } from './zh'

const en: Messages = { ...common, ...tasks, ...record, ...sign, ...copy, ...handback }

export default en
