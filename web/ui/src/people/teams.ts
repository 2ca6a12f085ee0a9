/** Who belongs to which team, and who leaves one for another. */

import type { Staff, Team } from './types'

export interface Choice {
  /** Work number or login: what is kept. */
  key: string
  /** `1001 李娜`. */
  name: string
  /** What is to be known before choosing: another team, disabled. */
  note: string
}

/** `1001 李娜`; the number alone of somebody who is not told of. */
export function agentName(number: string, staff: readonly Staff[]): string {
  const found = staff.find((one) => one.work_number === number)
  return found ? `${number} ${found.name}` : number
}

/** `王班长（wang）`; the login alone of somebody who is not told of. */
export function leadName(login: string, staff: readonly Staff[]): string {
  const found = staff.find((one) => one.login === login)
  return found ? `${found.name}（${login}）` : login
}

function otherTeam(number: string, own: string, teams: readonly Team[]): Team | undefined {
  return teams.find(({ team, agents }) => team !== own && agents.includes(number))
}

/** Everybody with a seat, and whoever is of the team already; `own` is the team, empty for a new one. */
export function agentChoices(staff: readonly Staff[], teams: readonly Team[], own: string): Choice[] {
  const members = teams.find(({ team }) => team === own)?.agents ?? []
  return staff
    .flatMap((one) => {
      const key = one.work_number
      if (key === null || (one.disabled && !members.includes(key))) return []
      const other = otherTeam(key, own, teams)
      const note = [...(other ? [`现在${other.name}`] : []), ...(one.disabled ? ['已停用'] : [])].join('，')
      return [{ key, name: `${key} ${one.name}`, note }]
    })
    .sort((a, b) => a.key.localeCompare(b.key, 'zh-CN', { numeric: true }))
}

/** Supervisors, and whoever leads the team already. */
export function leadChoices(staff: readonly Staff[], leads: readonly string[]): Choice[] {
  const known = staff.filter((one) => leads.includes(one.login) || (!one.disabled && one.roles.includes('supervisor')))
  return known
    .map((one) => ({ key: one.login, name: leadName(one.login, staff), note: one.disabled ? '已停用' : '' }))
    .sort((a, b) => a.name.localeCompare(b.name, 'zh-CN'))
}

/** `将从综合二班移出：1002 二号`, for each team that somebody who is chosen leaves. */
export function leaving(chosen: readonly string[], own: string, teams: readonly Team[], staff: readonly Staff[]): string[] {
  return teams.flatMap(({ team, name, agents }) => {
    const gone = team === own ? [] : agents.filter((number) => chosen.includes(number))
    return gone.length ? [`将从${name}移出：${gone.map((number) => agentName(number, staff)).join('、')}`] : []
  })
}

/** What somebody else made of a team, line by line. */
export function teamChanges(before: Team, now: Team, staff: readonly Staff[]): string[] {
  const compare = (what: string, was: readonly string[], is: readonly string[], name: (key: string) => string): string[] => {
    const [gone, come] = [was.filter((key) => !is.includes(key)), is.filter((key) => !was.includes(key))]
    return [
      ...(come.length ? [`加入${what}：${come.map(name).join('、')}`] : []),
      ...(gone.length ? [`移出${what}：${gone.map(name).join('、')}`] : []),
    ]
  }
  return [
    ...(before.name === now.name ? [] : [`名称：${before.name} → ${now.name}`]),
    ...compare('组员', before.agents, now.agents, (key) => agentName(key, staff)),
    ...compare('班长', before.supervisors, now.supervisors, (key) => leadName(key, staff)),
  ]
}
