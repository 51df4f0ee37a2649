// Gathers the texts that the weights of src/tokens are fitted to, and counts their o200k
// tokens exactly: one JSON line {"group","text","tokens"} each, the same at every run.
//
//   node corpus.mjs DATA DJANGO CRATES PYTHON >corpus.jsonl
//
// DATA: folder of JSON Lines with texts. DJANGO: the unpacked package, for its
// translations. CRATES: sources of Rust crates. PYTHON: the standard library. The texts of
// DATA/tok_corpus.jsonl are what the fit is judged by, so none of them gets in.
import { createRequire } from 'node:module'
import fs from 'node:fs'
import path from 'node:path'

const require = createRequire(path.join(process.cwd(), 'package.json'))
const { countTokens } = require('gpt-tokenizer/encoding/o200k_base')
const [data, django, crates, python] = process.argv.slice(2)
const modules = path.join(process.cwd(), 'node_modules')

// A small generator of its own, so that every run draws the same.
let seed = 20261122
function random(n) {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return Math.floor((seed / 2 ** 32) * n)
}
const pick = (list) => list[random(list.length)]
const shuffled = (list) => {
  const all = [...list]
  for (let i = all.length - 1; i > 0; i--) {
    const j = random(i + 1)
    ;[all[i], all[j]] = [all[j], all[i]]
  }
  return all
}

// What the fit is judged by, cut into overlapping pieces: a text that shares one is out.
const GRAM = 48
const judged = new Set()
const judgedWhole = new Set()
for (const { text } of lines(path.join(data, 'tok_corpus.jsonl'))) {
  judgedWhole.add(text.trim())
  for (let i = 0; i + GRAM <= text.length; i++) judged.add(text.slice(i, i + GRAM))
}
function isJudged(text) {
  if (judgedWhole.has(text.trim())) return true
  for (let i = 0; i + GRAM <= text.length; i += 8) if (judged.has(text.slice(i, i + GRAM))) return true
  return false
}

function lines(file) {
  return fs.readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line))
}

const counts = new Map()
function emit(group, text, most) {
  if (!text || !text.isWellFormed() || (counts.get(group) ?? 0) >= most || isJudged(text)) return
  counts.set(group, (counts.get(group) ?? 0) + 1)
  const tokens = countTokens(text, { disallowedSpecial: new Set() })
  process.stdout.write(JSON.stringify({ group, text, tokens }) + '\n')
}

// A piece of a longer text, at line ends, of some 100 to 2,500 characters.
function piece(text) {
  const wanted = 100 + random(49) ** 2
  const start = text.length > wanted ? text.indexOf('\n', random(text.length - wanted)) + 1 : 0
  return text.slice(start, start + wanted)
}

// Files below `root` whose names end so; large and generated ones are left out.
function files(root, ends, found = []) {
  for (const entry of fs.readdirSync(root, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const file = path.join(root, entry.name)
    if (entry.isDirectory()) {
      if (!/^(test|tests|__pycache__|site-packages|bpeRanks|data|target|lib2to3|idlelib)$/.test(entry.name)) files(file, ends, found)
    } else if (ends.some((end) => entry.name.endsWith(end)) && fs.statSync(file).size < 400_000) found.push(file)
  }
  return found
}
function fromFiles(group, root, ends, most) {
  for (const file of shuffled(files(root, ends)).slice(0, most)) {
    emit(group, piece(fs.readFileSync(file, 'utf8')), most)
  }
}

// Prompts of many kinds, some in other languages; also as the JSON that they came in.
for (const name of fs.readdirSync(data).sort()) {
  if (!name.endsWith('.jsonl') || name === 'tok_corpus.jsonl') continue
  const rows = shuffled(lines(path.join(data, name)))
  const file = name.replace('.jsonl', '')
  for (const row of rows) {
    const many = /_ml$|gretel|multilingual/.test(file)
    emit(many ? `${file}/${row.category}` : file, row.text.slice(0, 3000), many ? 80 : 150)
  }
  for (const row of rows.slice(0, 12)) {
    emit('json/compact', JSON.stringify(row), 400)
    emit('json/pretty', JSON.stringify(row, null, pick([2, 4])), 400)
  }
  // Several short texts as one, as in a conversation.
  for (let i = 0; i + 4 <= rows.length && i < 80; i += 4) {
    emit(`${file}/joined`, rows.slice(i, i + 4).map((row) => row.text.slice(0, 800)).join(pick(['\n', '\n\n', ' '])), 20)
  }
}

// Translations of one program into a hundred languages: short sentences, joined.
for (const locale of fs.readdirSync(path.join(django, 'conf/locale')).sort()) {
  const texts = files(django, ['django.po']).filter((file) => file.includes(`/${locale}/`))
    .flatMap((file) => translations(fs.readFileSync(file, 'utf8')))
  const own = shuffled(texts)
  let used = 0
  while (used < own.length) {
    const many = 1 + random(12)
    emit(`django/${locale}`, own.slice(used, used + many).join(pick([' ', '\n', ' '])), 40)
    used += many
  }
}
function translations(po) {
  return [...po.matchAll(/^msgstr(?:\[0\])? ((?:".*"\n)+)/gm)]
    .map((found) => found[1].trim().split('\n').map((line) => JSON.parse(line)).join(''))
    .filter((text) => text.length > 12 && !text.includes('Project-Id-Version'))
}

fromFiles('code/rust', crates, ['.rs'], 250)
fromFiles('code/toml', crates, ['.toml'], 60)
fromFiles('code/go', crates, ['.go'], 60)
fromFiles('code/c', crates, ['.c', '.h'], 100)
fromFiles('code/yaml', crates, ['.yml', '.yaml'], 60)
fromFiles('markdown', crates, ['.md'], 150)
fromFiles('code/python', python, ['.py'], 300)
fromFiles('code/js', modules, ['.js', '.mjs'], 200)
fromFiles('code/ts', modules, ['.ts'], 200)
fromFiles('code/html', django, ['.html'], 60)
fromFiles('code/css', django, ['.css'], 40)
fromFiles('json/packages', crates, ['.json'], 100)
fromFiles('json/packages', modules, ['.json'], 100)

// What no dictionary knows: encoded bytes, identifiers, figures, tables.
const bytes = (n) => Buffer.from(Array.from({ length: n }, () => random(256)))
const hex = (n) => bytes(n).toString('hex')
const words = lines(path.join(data, 'ben_xstest.jsonl')).flatMap(({ text }) => text.split(/\W+/)).filter(Boolean)
const some = (n, make, by) => Array.from({ length: n }, make).join(by)
for (let i = 0; i < 40; i++) {
  emit('odd/base64', bytes(20 + random(400)).toString('base64'), 40)
  emit('odd/encoded', Buffer.from(some(5 + random(60), () => pick(words), ' ')).toString(pick(['base64', 'base64url', 'hex'])), 40)
  emit('odd/hex', some(1 + random(8), () => hex(4 + random(40)), pick(['\n', ' ', ':'])), 40)
  emit('odd/uuid', some(1 + random(12), () => hex(16).replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'), pick(['\n', ', '])), 40)
  emit('odd/numbers', some(5 + random(60), () => String(random(10 ** (1 + random(9))) / pick([1, 1, 10, 100])), pick([', ', '\n', ' ', '\t'])), 40)
  const wide = 2 + random(4)
  emit('odd/table', some(3 + random(20), () => '| ' + some(wide, () => pick([pick(words), String(random(5000)), `${pick(words)} ${pick(words)}`]), ' | ') + ' |', '\n'), 40)
  emit('odd/csv', some(3 + random(20), () => some(wide, () => pick([pick(words), String(random(5000)), hex(3)]), ','), '\n'), 40)
  emit('odd/dates', some(3 + random(20), () => new Date(random(2 ** 31) * 1000).toISOString(), pick(['\n', ' '])), 40)
  emit('odd/upper', some(5 + random(60), () => pick(words), ' ').toUpperCase(), 40)
  emit('odd/letters', some(5 + random(60), () => pick([...'abcdefghijklmnopqrstuvwxyz']), pick(['', ' '])), 40)
  emit('odd/same', pick([...'abxX=-*#._~9 0']).repeat(2 + random(120)), 40)
  emit('odd/hexnumbers', some(1 + random(20), () => `0x${hex(1 + random(8))}`, pick([' ', ', ', '\n'])), 40)
  emit('odd/alnum', some(1 + random(10), () => bytes(6 + random(40)).toString('base64').replace(/[+/=]/g, ''), pick([' ', '\n', '_'])), 40)
  emit('odd/words', some(1 + random(3), () => pick(words), ' '), 40)
}

// Characters of every part of Unicode, alone and in between words: of each range, its first
// and last code points.
const ranges = {
  latin: [0xc0, 0x24f], marks: [0x300, 0x36f], greek: [0x391, 0x3c9], cyrillic: [0x401, 0x45f], phonetic: [0x250, 0x2af],
  viet: [0x1e00, 0x1eff], super: [0x2070, 0x209c], punct: [0x2010, 0x205e], spaces: [0x200b, 0x200f], arrows: [0x2190, 0x21ff],
  maths: [0x2200, 0x22ff], box: [0x2500, 0x25ff], symbols: [0x2600, 0x27bf], fullwidth: [0xff01, 0xff5e], halfkana: [0xff66, 0xff9d],
  forms: [0xfe70, 0xfefc], selectors: [0xfe00, 0xfe0f], bold: [0x1d400, 0x1d6a3], squared: [0x1f100, 0x1f265], emoji: [0x1f300, 0x1f64f],
  newemoji: [0x1f900, 0x1f9ff], tags: [0xe0020, 0xe007e], morehan: [0x20000, 0x2a6df], ethiopic: [0x1200, 0x1357], cherokee: [0x13a0, 0x13f5],
  georgian: [0x10d0, 0x10fa], tibetan: [0xf40, 0xf6c], runes: [0x16a0, 0x16f0], braille: [0x2800, 0x28ff], kana: [0x3041, 0x30fa],
  cjkmarks: [0x3000, 0x303f], enclosed: [0x2460, 0x24ff], letterlike: [0x2100, 0x214f], arabicforms: [0xfb50, 0xfbb1], ligatures: [0xfdf0, 0xfdfb],
  yi: [0xa000, 0xa48c], syllables: [0x1400, 0x167f], indicdigits: [0x966, 0x96f], arabicdigits: [0x660, 0x669],
}
for (const [name, [first, last]] of Object.entries(ranges)) {
  for (let i = 0; i < 16; i++) {
    const char = () => String.fromCodePoint(first + random(last - first + 1))
    const word = () => some(1 + random(8), char, '')
    emit(`unicode/${name}`, some(1 + random(12), i % 2 ? word : () => pick([word, () => pick(words)])(), pick([' ', ''])), 16)
  }
}
// Emoji as people write them: with skin tones, joined, as flags, between words.
const tone = () => String.fromCodePoint(0x1f3fb + random(5))
const face = () => String.fromCodePoint(0x1f600 + random(0x50))
const emojis = [face, face, face, () => pick([...'👍👏🙏💪👋']) + tone(), () => `👩${tone()}\u200d💻`, () => '❤️', () => '👨\u200d👩\u200d👧', () => '🇩🇪']
for (let i = 0; i < 60; i++) {
  emit('unicode/emojis', some(1 + random(20), () => pick(emojis)(), pick(['', ' '])), 60)
  emit('unicode/chat', some(4 + random(20), () => pick([() => pick(words), () => pick(words), pick(emojis)])(), ' '), 60)
}
