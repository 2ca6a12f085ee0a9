/** What the routes of menus refuse, in the words of who edits them. */
import { addProblemWords } from '@/parts/problemWords'

export function installWords(): void {
  addProblemWords({
    'menu.unknown': { what: '没有这个流程。', next: '请返回列表查看。' },
    'menu.draft_unknown': { what: '没有这个流程的草稿。', next: '请返回列表，新建或选择其他流程。' },
    'menu.stale': { what: '别人刚刚保存了新的草稿。', next: '请核对最新内容后再试。' },
    'menu.not_sound': { what: '流程还有错误或用例未通过。', next: '请按检查结果改正后再发布。' },
    'menu.not_acknowledged': { what: '还有提醒没有确认。', next: '请逐条确认后再发布。' },
    'menu.nothing_new': { what: '草稿与生效版本没有差别。', next: '不需要发布。' },
    'menu.already_proposed': { what: '已有一稿在等待批准。', next: '请先批准、退回或收回它。' },
    'menu.own_proposal': { what: '不能批准自己提交的内容。', next: '请另一位管理员批准。' },
    'menu.not_scheduled': { what: '这一版已经生效或已撤回。', next: '需要恢复旧内容请用“回退”。' },
    'menu.not_published': { what: '这个流程还没有发布。', next: '请先发布，再用于线路。' },
    'menu.bad_moment': { what: '生效时间不合适。', next: '请填将来的时间，且晚于已排定的版本。' },
    'menu.file_unreadable': { what: '内容有不合要求的地方。', next: '请按下列提示逐处修改。' },
    'menu.other_flow': { what: '文件属于另一个流程。', next: '请改正文件中的 flow，或导入到对应流程。' },
    'menu.line_unknown': { what: '没有这条热线。', next: '请先在热线目录中登记。' },
  })
}
