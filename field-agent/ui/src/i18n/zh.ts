import common from './zh/common'
import record from './zh/record'
import sign from './zh/sign'
import tasks from './zh/tasks'

const zh = { ...common, ...tasks, ...record, ...sign }

export type Messages = typeof zh
export default zh
