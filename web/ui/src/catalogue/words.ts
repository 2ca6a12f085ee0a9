import { addProblemWords } from '@/parts/problemWords'

export function installWords(): void {
  addProblemWords({
    'catalogue.unreadable': { what: '这个文件不是可读的表格。', next: '请核对表头，另存为 CSV（UTF-8 或 GBK）或 XLSX 后重新选择。' },
    'catalogue.import_refused': { what: '文件里有不合要求的行，没有导入任何内容。', next: '请按下面的行号改正后，重新上传整个文件。' },
    'catalogue.entry_taken': { what: '这个类别和区划在这一天已有一条目录。', next: '请修改那一条，或换一个生效日期。' },
    'ticket.category_not_found': { what: '没有这个事项分类，或它已停用。', next: '请重新选择。' },
    'ticket.unit_not_found': { what: '没有这个单位。', next: '请刷新后重新选择。' },
    'unit.unknown': { what: '没有这个单位。', next: '它可能刚被改动，请刷新后重试。' },
    'unit.name_taken': { what: '同一上级下已有同名单位。', next: '请核对是否重复，或换一个名称。' },
    'unit.misplaced': { what: '上级单位选得不对。', next: '县级单位要有上级；单位不能放在自己或自己的下级之下。' },
  })
}
