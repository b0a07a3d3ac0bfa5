import bundle from './en/bundle'
import clip from './en/clip'
import common from './en/common'
import copy from './en/copy'
import fault from './en/fault'
import guide from './en/guide'
import handback from './en/handback'
import missing from './en/missing'
import problem from './en/problem'
import record from './en/record'
import sign from './en/sign'
import tasks from './en/tasks'
import visit from './en/visit'
import type { Messages } from './zh'

const en: Messages = { ...common, ...clip, ...bundle, ...tasks, ...record, ...sign, ...copy, ...handback, ...guide, ...missing, ...problem, ...fault, ...visit }

export default en
