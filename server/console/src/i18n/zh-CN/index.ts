import { accounts, tablets } from './accounts'
import { bundles } from './bundles'
import { ceremony } from './ceremony'
import common from './common'
import draws from './draws'
import { answer, items } from './items'
import notices from './notices'
import { overview } from './overview'
import { journal, publication, quarantine, tasks } from './places'
import { plans } from './plans'
import { imports, registers } from './registers'
import { review } from './review'
import year from './year'
import { subst } from './substitution'

export default {
  ...common,
  accounts,
  answer,
  bundles,
  ceremony,
  draws,
  imports,
  items,
  journal,
  notices,
  overview,
  plans,
  publication,
  quarantine,
  registers,
  review,
  subst,
  tablets,
  tasks,
  year,
}
