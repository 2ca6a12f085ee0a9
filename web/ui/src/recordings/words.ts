/** The words of recordings: states (`calls/recording/states.py`), what is wrong with one, what refusals mean. */

import { addProblemWords } from '@/parts/problemWords'
import { dateTime, duration, inWords } from '@/parts/time'

import type { Recording, State } from './types'

interface Dot {
  tone: 'good' | 'wait' | 'bad' | 'off'
  text: string
}

export const STATES: Readonly<Record<State, Dot>> = {
  recording: { tone: 'wait', text: '录制中' },
  sealed: { tone: 'good', text: '可收听' },
  damaged: { tone: 'bad', text: '已损坏' },
  erased: { tone: 'off', text: '已删除' },
}

const WHY: Readonly<Record<string, string>> = {
  nothing_recorded: '这通电话没有录到声音。',
  file_gone: '录音文件不见了。请联系技术人员从备份放回；核验一致后可以再听。',
  changed: '录音文件与封存时不一致，不能作为凭据，也不提供收听。请联系技术人员从备份放回；核验一致后可以再听。',
}

/** Why nothing can be heard; empty: it can. */
export function silence(one: Recording): string {
  switch (one.state) {
    case 'sealed':
      return ''
    case 'recording':
      return '通话还在录制，或正在封存；通话结束后几秒可以收听。'
    case 'damaged':
      return WHY[one.why ?? ''] ?? '录音已损坏，不能收听。'
    case 'erased':
      return `保存期已满，声音已于 ${dateTime(one.erased_at)} 删除；这里保留通话时间和校验值。`
  }
}

/** `3:05`; `—` where there is no length yet. */
export function lengthWords(one: Recording): string {
  return one.length_ms > 0 ? duration(Math.round(one.length_ms / 1000)) : '—'
}

/** What is missing of the talk, in words; less than a second is said as such. */
export function gapWords(gap_ms: number): string {
  if (gap_ms <= 0) return '无'
  return gap_ms < 1000 ? '不足 1 秒' : inWords(gap_ms / 1000)
}

/** Until when it is kept, or since when it is no more. */
export function keptWords(one: Recording): string {
  if (one.erased_at !== null) return `${dateTime(one.erased_at)} 删除`
  return one.held_at === null ? dateTime(one.retain_until) : '保全期间不删除'
}

/** A place in a recording, as a screen reader says it. */
export function placeWords(seconds: number, total: number): string {
  return `${duration(seconds)}，全长 ${duration(total)}`
}

export function installWords(): void {
  const keys = { what: '打不开封存的录音：密钥不在这台服务器上，或密钥文件有问题。', next: '请联系技术人员检查录音密钥。' }
  addProblemWords({
    'recording.damaged': { what: '录音文件与封存时不一致，或已经不见。', next: '不提供收听，已记为损坏。请联系技术人员从备份放回并核验。' },
    'recording.not_to_be_heard': { what: '这段录音现在不能收听。', next: '它还在录制、已经删除，或已损坏。' },
    'recording.elsewhere': { what: '录音文件在另一台服务器上。', next: '请在那台服务器的页面上收听，或联系技术人员。' },
    'recording.held': { what: '这段录音已经在保全中。', next: '保全人和理由已显示为最新情况。' },
    'number.invalid': { what: '这不像一个电话号码。', next: '请核对市民号码后再查找。' },
    'key.missing': keys,
    'key.file': keys,
  })
}
