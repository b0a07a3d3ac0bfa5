import common from './zh/common'
import copy from './zh/copy'
import handback from './zh/handback'
import record from './zh/record'
import sign from './zh/sign'
import tasks from './zh/tasks'

const zh = { ...common, ...tasks, ...record, ...sign, ...copy, ...handback }

export type Messages = typeof zh
export default zh
