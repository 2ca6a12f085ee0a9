/** What people may do (角色), as `directory/models` has them. */
export const ROLES = [
  'agent',
  'expert',
  'supervisor',
  'dispatcher',
  'visit_agent',
  'knowledge_editor',
  'unit_handler',
  'unit_head',
  'unit_leader',
  'county_body',
  'government_leader',
  'inspector',
  'auditor',
  'admin',
] as const

export type Role = (typeof ROLES)[number]

export const ROLE_NAMES: Record<Role, string> = {
  agent: '话务员',
  expert: '专家座席',
  supervisor: '班长',
  dispatcher: '派单员',
  visit_agent: '回访员',
  knowledge_editor: '知识库编辑',
  unit_handler: '单位承办人',
  unit_head: '单位负责人',
  unit_leader: '分管领导',
  county_body: '县级承办单位',
  government_leader: '政府分管领导',
  inspector: '督查',
  auditor: '审计',
  admin: '管理员',
}

/** Whether somebody with `held` may see what is for `allowed`; an empty list is for everybody. */
export function maySee(held: readonly Role[], allowed: readonly Role[]): boolean {
  return allowed.length === 0 || allowed.some((role) => held.includes(role))
}
