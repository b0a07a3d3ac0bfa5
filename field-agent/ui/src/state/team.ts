import type { TeamMember } from '../api/types'

/** Who showed which certificate, as it stands in the record. */
export function certificateLine(team: TeamMember[]): string {
  return team
    .filter((one) => one.status === 'active' && one.role !== 'expert')
    .map((one) => `${one.name}（${one.certificate}）`)
    .join('、')
}
