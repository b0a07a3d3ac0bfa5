import { accounts, tablets } from './accounts'
import { bundles } from './bundles'
import { ceremony } from './ceremony'
import common from './common'
import draws from './draws'
import { items, plans } from './planning'
import notices from './notices'
import { journal, overview, publication, quarantine, tasks } from './places'
import { imports, registers } from './registers'
import { review } from './review'
import { subst } from './substitution'
import year from './year'

export default { ...common, accounts, bundles, ceremony, draws, imports, items, journal, notices, overview, plans, publication, quarantine, registers, review, subst, tablets, tasks, year }
