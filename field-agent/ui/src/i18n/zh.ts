import bundle from './zh/bundle'
import clip from './zh/clip'
import common from './zh/common'
import copy from './zh/copy'
import fault from './zh/fault'
import guide from './zh/guide'
import handback from './zh/handback'
import missing from './zh/missing'
import problem from './zh/problem'
import record from './zh/record'
import sign from './zh/sign'
import tasks from './zh/tasks'
import visit from './zh/visit'

const zh = { ...common, ...clip, ...bundle, ...tasks, ...record, ...sign, ...copy, ...handback, ...guide, ...missing, ...problem, ...fault, ...visit }

export type Messages = typeof zh
export default zh
