/** What an agent asks for, by the kind of demand and the line dialled: headings to write under, not words to send. */

const OF_TYPES: Record<string, string> = {
  consult: '咨询事项：\n已答复内容：',
  help: '事由：\n时间：\n地点：\n诉求：',
  complaint: '被投诉单位或人员：\n时间：\n地点：\n经过：\n诉求：',
  report: '被举报对象：\n违法违规行为：\n时间：\n地点：\n证据：',
  suggestion: '建议内容：\n理由：',
}

const OF_LINES: Record<string, string> = {
  '12333': '参保地：\n单位：\n险种或劳动争议事项：\n诉求：',
  '12315': '商家名称：\n地址：\n商品或服务：\n金额与时间：\n凭证：\n诉求：',
  '12328': '线路或车牌：\n时间：\n地点：\n经过：\n诉求：',
  '12369': '污染类型：\n污染源名称与地址：\n持续时间：\n诉求：',
  '12345': '',
}

/** The template for a line and a type; the line's own comes first. */
export function template(hotline: string, type: string): string {
  return OF_LINES[hotline] || OF_TYPES[type] || ''
}
