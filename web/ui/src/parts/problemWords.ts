import { Offline, Problem } from '@/api/client'

export interface Words {
  /** What happened. */
  what: string
  /** What to do next. */
  next: string
}

/** By `code` of the line's problems (`hotline/errors.py` and its subclasses). */
const known = new Map<string, Words>(
  Object.entries({
    'input.invalid': { what: '填写的内容不符合要求。', next: '请按提示修改后重新提交。' },
    'record.not_found': { what: '没有找到这条记录。', next: '它可能已被删除或移走，请返回列表重新查找。' },
    'record.conflict': { what: '当前状态不允许这样操作。', next: '请刷新后查看最新状态，再决定下一步。' },
    'record.stale': { what: '别人刚刚修改了这条记录。', next: '请重新载入，核对最新内容后再改。' },
    'access.denied': { what: '您没有这项操作的权限。', next: '如工作需要，请联系管理员。' },
    'access.unauthenticated': { what: '登录已失效。', next: '请重新登录；未提交的草稿会保留。' },
    'access.too_many': { what: '操作过于频繁。', next: '请等一分钟再试。' },
    'part.unavailable': { what: '系统的一个部件暂时没有响应。', next: '请稍候重试；持续出现请联系值班技术人员。' },
    'access.forged': { what: '本页的登录与浏览器里的不一致。', next: '请刷新页面后再试；草稿会保留。' },
    'access.sign_in_refused': {
      what: '用户名、密码或验证码不正确，或账号已锁定。',
      next: '请核对后重试；连续输错会锁定一段时间，可请管理员解锁。',
    },
    'second_step.code_wrong': { what: '验证码不正确。', next: '请核对手机时间是否准确，输入当前显示的六位数字。' },
    'second_step.enrolled': { what: '已经绑定过动态口令。', next: '如手机丢失，请联系管理员重置。' },
    'password.weak': { what: '新密码过于简单，或与原密码相同。', next: '请换一个更长、不常见的密码。' },
    'session.unknown': { what: '这个登录已经结束。', next: '列表已更新，无需再操作。' },
    'hotline.error': { what: '系统内部出错，已记入日志。', next: '请重试一次；仍然出错请联系值班技术人员。' },
  }),
)

const BY_STATUS: Record<number, Words> = {
  401: { what: '登录已失效。', next: '请重新登录。' },
  403: { what: '您没有这项操作的权限。', next: '如工作需要，请联系管理员。' },
  404: { what: '没有找到所要的内容。', next: '请返回上一页重新查找。' },
  409: { what: '当前状态不允许这样操作。', next: '请刷新后查看最新状态。' },
  412: { what: '别人刚刚修改了这条记录。', next: '请重新载入，核对最新内容后再改。' },
  413: { what: '提交的内容过大。', next: '请减小文件或文字后重试。' },
  422: { what: '填写的内容不符合要求。', next: '请按提示修改后重新提交。' },
  428: { what: '缺少版本信息，没有保存。', next: '请重新载入后再改。' },
  429: { what: '操作过于频繁。', next: '请等一分钟再试。' },
  503: { what: '系统的一个部件暂时没有响应。', next: '请稍候重试；持续出现请联系值班技术人员。' },
}

/** An area's own words for the codes that its routes answer; called once where the area begins. */
export function addProblemWords(words: Readonly<Record<string, Words>>): void {
  for (const [code, one] of Object.entries(words)) known.set(code, one)
}

/** The line's own words where they are Chinese: menus, the studio and ticket rules say exactly what is wrong. */
function own({ detail, remedy }: Problem): Words | null {
  return /[\u4e00-\u9fff]/.test(detail) ? { what: detail, next: remedy } : null
}

/** What is said of an error, in Chinese: by its code, else by the kind of error its status is. */
export function wordsFor(error: unknown): Words {
  if (error instanceof Offline) {
    return { what: '连不上服务器。', next: '请检查网络；恢复后重试，刚才的操作可能没有生效。' }
  }
  if (error instanceof Problem) {
    return (
      known.get(error.code) ??
      own(error) ??
      BY_STATUS[error.status] ?? { what: `服务器出错（${error.status}）。`, next: '请重试一次；仍然出错请联系值班技术人员。' }
    )
  }
  return { what: '页面出错。', next: '请刷新页面；草稿会保留。仍然出错请联系值班技术人员。' }
}
