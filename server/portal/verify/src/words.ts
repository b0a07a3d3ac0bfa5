import type { Code } from './fault'
import type { Step } from './verify'

/** Everything the page says, in both languages. */
export interface Words {
  other: string
  intro: string
  photographed: string
  photographedHint: string
  published: (hash: string) => string
  start: string
  startHint: string
  notYet: string
  ownFile: string
  ownHint: string
  drop: string
  cancel: string
  loading: string
  loadFailed: string
  steps: Record<Step | 'unpack', string>
  done: (step: Step | 'unpack', n: number) => string
  absent: Partial<Record<Step | 'unpack', string>>
  verified: string
  verifiedMore: string
  refused: string
  where: (file: string, line: number) => string
  stands: string
  says: string
  codes: Record<Code, string>
  broken: string
  seconds: (n: number) => string
  same: string
  sameAsPortal: string
  different: string
  differentFromPortal: string
  noHash: string
  voided: (reason: string) => string
  facts: Record<
    'draw' | 'title' | 'departments' | 'mode' | 'ceremony' | 'commitment' | 'seed' | 'objects' | 'inspectors' | 'excluded' |
    'drawn' | 'substitutions' | 'witnesses' | 'last' | 'openings', string>
  modes: Record<'double' | 'objects' | 'inspectors' | 'census', string>
  people: (inspectors: number, experts: number) => string
  drawn: (drawn: number, reserves: number) => string
  revealed: (all: number, silent: number, server: boolean) => string
  dice: (rolls: number, sides: number) => string
  drand: (round: number) => string
  none: string
  search: {
    title: string
    intro: string
    object: string
    inspector: string
    id: string
    salt: string
    saltWrong: string
    find: string
    blinded: string
    nowhere: string
    excluded: (ground: string) => string
    listed: (cell: number, district: string) => string
    pool: string
    drawn: (rank: number) => string
    week: (n: number) => string
    notDrawn: string
    reserve: (n: number) => string
    later: Record<'replaced' | 'dropped' | 'passed' | 'came', string>
    who: string
    experts: string
    comesTo: (n: number) => string
    blindedHint: string
    noSeed: string
  }
}

const number = (n: number): string => n.toLocaleString('en-US')

export const zh: Words = {
  other: 'English',
  intro: '下面的计算全部在您自己的设备上进行：下载抽取文件，从规则、名录和随机数把结果重新算一遍，再逐字节比较。程序按公开的规格书独立编写，与抽取时用的程序没有一行相同。',
  photographed: '您在抽取现场看到的封存码（可不填）',
  photographedHint: '照着您拍的照片输入，空格不要紧；至少输入前 16 位。',
  published: (hash) => `本网站公布的封存码：${hash}`,
  start: '开始核对',
  startHint: '从本网站下载抽取文件并核对',
  notYet: '这次抽取的文件还没有公开。手里有文件的，可以选择自己的文件。',
  ownFile: '选择自己的文件',
  ownHint: '可以选 .zip，也可以同时选中解压后的各个文件；把文件拖到这里也行。文件不会离开您的设备。',
  drop: '松开即可核对',
  cancel: '停止',
  loading: '正在下载抽取文件',
  loadFailed: '下载没有成功。请检查网络后再试，或者选择自己的文件。',
  steps: {
    unpack: '解开压缩包',
    present: '文件齐全',
    manifest: '封存',
    rules: '规则',
    objects: '对象名录',
    inspectors: '人员名录',
    avoid: '回避',
    excluded: '排除',
    servable: '都能派出人员',
    seed: '随机数',
    selection: '抽取对象',
    deal: '派人',
    result: '结果',
    substitutions: '递补',
    openings: '开封表',
    void: '作废声明',
  },
  done: (step, n) => ({
    unpack: `共 ${n} 个文件，没有别的东西`,
    present: `共 ${n} 个文件，一个不少，都没有超过大小限制`,
    manifest: '五个封存文件的 SHA-256 与 manifest.txt 所列一致',
    rules: '每格抽多少、每队几人、随机数从哪里来，都写明而且合规',
    objects: `${number(n)} 个对象，没有重复，顺序固定`,
    inspectors: `${number(n)} 人，没有重复，顺序固定`,
    avoid: `${number(n)} 条，都指向名录里的人和对象`,
    excluded: `${number(n)} 条，每条都有理由`,
    servable: `${number(n)} 个对象，每个都有足够的合格人员`,
    seed: `${n} 名见证人的数值与事先交的指纹一致，骰子或 drand 符合规则`,
    selection: `重新计算每个对象的号码，抽中 ${number(n)} 个`,
    deal: `给 ${number(n)} 个对象重新派人`,
    result: 'result.csv 与重新计算的结果逐字节相同',
    substitutions: `${number(n)} 条，每一条都是顺序里的下一个`,
    openings: `打开了 ${number(n)} 个，都能对上`,
    void: '格式正确，指的是这一次抽取',
  })[step],
  absent: {
    seed: '在产生随机数以前已作废',
    selection: '在产生随机数以前已作废',
    deal: '在产生随机数以前已作废',
    result: '在产生随机数以前已作废',
    substitutions: '在产生随机数以前已作废',
    openings: '没有公开',
    void: '没有，抽取有效',
  },
  verified: '核对通过',
  verifiedMore: '结果确实由公布的规则、名录和随机数算出，没有一处可以挑选。',
  refused: '核对没有通过',
  where: (file, line) => (file === 'archive' ? '压缩包' : line > 0 ? `${file} 第 ${number(line)} 行` : file),
  stands: '文件里写的是',
  says: '程序的说明（英文）',
  codes: {
    archive: '压缩包不合要求：混有别的文件、重名、文件夹，或者已损坏',
    missing: '缺少这个文件',
    'too-large': '超过允许的大小',
    'not-text': '不是 UTF-8 文本',
    'no-final-newline': '最后一行没有换行符',
    'carriage-return': '行里有回车符（CR）',
    'trailing-space': '行尾有空格',
    header: '表头不对',
    form: '格式不对',
    unsorted: '没有按顺序排列',
    duplicate: '重复',
    unknown: '指向名录或规则里没有的东西',
    hash: '文件内容与封存时的指纹不一致：封存以后被改过',
    'not-canonical': '不是规定的唯一写法（RFC 8785）',
    rule: '违反规格书的规定',
    unsupported: '这一版程序不认识的算法或随机数来源',
    unservable: '这个对象没有足够的合格人员，本应在抽取前排除',
    commitment: '封存码不是这次抽取的',
    reveal: '揭晓的数值与事先交的指纹不一致',
    drand: 'drand 的签名不对',
    entropy: '随机性不够',
    differs: '与重新计算的结果不一致',
  },
  broken: '您的浏览器没能算完，可能是内存不够。请换一台电脑，或者用下面另外两种办法。',
  seconds: (n) => `用时 ${n < 10 ? n.toFixed(1) : Math.round(n)} 秒`,
  same: '与您在现场看到的封存码一致',
  sameAsPortal: '与本网站公布的封存码一致',
  different: '与您在现场看到的封存码不一致：这不是当时封存的那一次抽取，请保留照片并反映',
  differentFromPortal: '与本网站公布的封存码不一致：这是另一次抽取的文件',
  noHash: '封存码只能是 0-9 和 a-f，至少 16 位，至多 64 位',
  voided: (reason) => `这次抽取已作废，理由：${reason}。作废的抽取仍然公开，仍然可以核对。`,
  facts: {
    draw: '编号', title: '名称', departments: '部门', mode: '方式', ceremony: '抽取时间', commitment: '封存码', seed: '随机种子',
    objects: '对象', inspectors: '人员', excluded: '排除', drawn: '抽中', substitutions: '递补', witnesses: '见证人',
    last: '最后的随机数', openings: '开封',
  },
  modes: {
    double: '双随机：随机抽对象，随机派人',
    objects: '只随机抽对象',
    inspectors: '只随机派人',
    census: '普查：全部检查，人员和先后随机',
  },
  people: (inspectors, experts) => `${number(inspectors)} 人${experts > 0 ? `，专家 ${number(experts)} 人` : ''}`,
  drawn: (drawn, reserves) => `${number(drawn)} 个，候补 ${number(reserves)} 个`,
  revealed: (all, silent, server) =>
    `${all} 名${silent > 0 ? `，其中 ${silent} 名没有揭晓` : '，都已揭晓'}；服务器${server ? '已揭晓' : '没有揭晓'}`,
  dice: (rolls, sides) => `${sides} 面骰子，掷 ${rolls} 次`,
  drand: (round) => `drand quicknet 第 ${number(round)} 轮，签名有效`,
  none: '没有',
  search: {
    title: '查自己',
    intro: '通知书上有您的编号和随机码。填在这里，就能看到您在不在名录里、有没有抽中、谁来检查。这一步也只在您的设备上计算。',
    object: '我是检查对象',
    inspector: '我是执法人员',
    id: '编号',
    salt: '随机码（64 位）',
    saltWrong: '随机码是 64 位的 0-9 和 a-f',
    find: '查',
    blinded: '遮盖后的编号',
    nowhere: '这次抽取的名录里没有，也不在排除名单里。请核对编号和随机码有没有抄错。',
    excluded: (ground) => `在封存前已排除，理由：${ground}`,
    listed: (cell, district) => `在对象名录里：第 ${cell} 格，区划 ${district}`,
    pool: '在人员名录里',
    drawn: (rank) => `抽中了，顺序第 ${rank + 1}`,
    week: (n) => `第 ${n + 1} 周检查`,
    notDrawn: '没有抽中',
    reserve: (n) => `没有抽中，是本格第 ${n + 1} 个候补`,
    later: {
      replaced: '后来由候补递补，不再检查',
      dropped: '后来取消，本格没有候补了',
      passed: '轮到递补时跳过',
      came: '后来递补进来，要检查',
    },
    who: '来检查的人（遮盖后的编号，第一个是组长）',
    experts: '随行专家（遮盖后的编号）',
    comesTo: (n) => `要检查 ${n} 个对象`,
    blindedHint: '检查时请来人出示本次抽取的随机码，用同样的办法就能对上。',
    noSeed: '这次抽取在产生随机数以前已作废，没有结果。',
  },
}

export const en: Words = {
  other: '中文',
  intro: 'Everything is computed on your own device: it downloads the transcript, computes the result anew from rules, registers and the random numbers, and compares byte by byte. The program was written from the public specification alone; it shares no line with the one that draws.',
  photographed: 'The commitment that you saw at the ceremony (optional)',
  photographedHint: 'Type it from your photograph; spaces do not matter; at least the first 16 digits.',
  published: (hash) => `The commitment on this site: ${hash}`,
  start: 'Verify',
  startHint: 'Download the transcript from this site and verify it',
  notYet: 'The transcript of this draw is not public yet. If you have a copy, choose your own file.',
  ownFile: 'Choose a file',
  ownHint: 'A .zip, or all files of the unpacked folder at once; you can also drop them here. They do not leave your device.',
  drop: 'Let go to verify',
  cancel: 'Stop',
  loading: 'Downloading the transcript',
  loadFailed: 'The download failed. Check the network and try again, or choose your own file.',
  steps: {
    unpack: 'Archive', present: 'All files there', manifest: 'Commitment', rules: 'Rules', objects: 'Objects',
    inspectors: 'Inspectors', avoid: 'Avoidances', excluded: 'Exclusions', servable: 'Everybody can be served',
    seed: 'Chance', selection: 'Which objects', deal: 'Which inspectors', result: 'Result',
    substitutions: 'Substitutions', openings: 'Openings', void: 'Declared void',
  },
  done: (step, n) => ({
    unpack: `${n} files and nothing else`,
    present: `${n} files, none missing, none too large`,
    manifest: 'the SHA-256 of the five committed files are those of manifest.txt',
    rules: 'how many from each cell, how large the teams, where chance comes from: all said and allowed',
    objects: `${number(n)} objects, none twice, in fixed order`,
    inspectors: `${number(n)} people, none twice, in fixed order`,
    avoid: `${number(n)}, all of people and objects that are listed`,
    excluded: `${number(n)}, each with its ground`,
    servable: `${number(n)} objects, each with enough eligible inspectors`,
    seed: `the values of ${n} witnesses fit what they handed in before; dice or drand as the rules say`,
    selection: `every ticket computed anew, ${number(n)} drawn`,
    deal: `teams dealt anew to ${number(n)} objects`,
    result: 'result.csv is what was computed, byte by byte',
    substitutions: `${number(n)}, each the next in order`,
    openings: `${number(n)} opened, all fit`,
    void: 'well formed, and of this draw',
  })[step],
  absent: {
    seed: 'void before there was a seed', selection: 'void before there was a seed', deal: 'void before there was a seed',
    result: 'void before there was a seed', substitutions: 'void before there was a seed', openings: 'not published',
    void: 'no: the draw stands',
  },
  verified: 'Verified',
  verifiedMore: 'The result follows from the published rules, registers and random numbers. Nobody could choose.',
  refused: 'Not verified',
  where: (file, line) => (file === 'archive' ? 'The archive' : line > 0 ? `${file}, line ${number(line)}` : file),
  stands: 'The file says',
  says: 'The program says',
  codes: {
    archive: 'not a proper archive: other files, a name twice, a folder, or damaged',
    missing: 'this file is missing',
    'too-large': 'larger than allowed',
    'not-text': 'not UTF-8 text',
    'no-final-newline': 'the last line does not end',
    'carriage-return': 'a carriage return within a line',
    'trailing-space': 'a space at the end of a line',
    header: 'not the right header',
    form: 'not the right form',
    unsorted: 'not in order',
    duplicate: 'stands twice',
    unknown: 'names what is not in the registers or rules',
    hash: 'not what was committed: changed afterwards',
    'not-canonical': 'not the one canonical form (RFC 8785)',
    rule: 'against a rule of the specification',
    unsupported: 'an algorithm or a source of chance that this program does not know',
    unservable: 'too few eligible inspectors: the object should have been excluded before the draw',
    commitment: 'the commitment of another draw',
    reveal: 'the value does not fit the hash that was handed in before',
    drand: 'the signature of the drand round is wrong',
    entropy: 'not enough chance',
    differs: 'not what was computed',
  },
  broken: 'Your browser could not finish, perhaps for lack of memory. Try another computer, or the other two ways below.',
  seconds: (n) => `${n < 10 ? n.toFixed(1) : Math.round(n)} s`,
  same: 'the same as you saw at the ceremony',
  sameAsPortal: 'the same as on this site',
  different: 'not what you saw at the ceremony: this is not the draw that was committed then. Keep your photograph and report it',
  differentFromPortal: 'not the one on this site: these are the files of another draw',
  noHash: 'a commitment has only 0-9 and a-f, 16 to 64 digits',
  voided: (reason) => `This draw is void. The reason: ${reason}. Void draws stay public and can be verified.`,
  facts: {
    draw: 'Number', title: 'Title', departments: 'Departments', mode: 'Mode', ceremony: 'Ceremony', commitment: 'Commitment',
    seed: 'Seed', objects: 'Objects', inspectors: 'Inspectors', excluded: 'Excluded', drawn: 'Drawn',
    substitutions: 'Substitutions', witnesses: 'Witnesses', last: 'Last source', openings: 'Openings',
  },
  modes: {
    double: 'double random: objects and inspectors',
    objects: 'objects only',
    inspectors: 'inspectors only',
    census: 'census: all objects; inspectors and order at random',
  },
  people: (inspectors, experts) => `${number(inspectors)}${experts > 0 ? `, experts ${number(experts)}` : ''}`,
  drawn: (drawn, reserves) => `${number(drawn)}, reserves ${number(reserves)}`,
  revealed: (all, silent, server) =>
    `${all}, ${silent > 0 ? `${silent} of them silent` : 'all revealed'}; the server ${server ? 'revealed' : 'was silent'}`,
  dice: (rolls, sides) => `${rolls} rolls of ${sides}-sided dice`,
  drand: (round) => `drand quicknet round ${number(round)}, signature valid`,
  none: 'none',
  search: {
    title: 'Find yourself',
    intro: 'Your notice shows your id and your salt. Enter them to see whether you are listed, whether you were drawn, and who comes. This too is computed on your device alone.',
    object: 'I am an object of inspection',
    inspector: 'I am an inspector',
    id: 'Id',
    salt: 'Salt (64 digits)',
    saltWrong: 'a salt is 64 digits 0-9 and a-f',
    find: 'Find',
    blinded: 'Blinded id',
    nowhere: 'Neither listed nor excluded in this draw. Check id and salt.',
    excluded: (ground) => `Excluded before the commitment. Ground: ${ground}`,
    listed: (cell, district) => `Listed: cell ${cell}, district ${district}`,
    pool: 'Listed among the inspectors',
    drawn: (rank) => `Drawn, number ${rank + 1} in order`,
    week: (n) => `Inspected in week ${n + 1}`,
    notDrawn: 'Not drawn',
    reserve: (n) => `Not drawn; reserve number ${n + 1} of the cell`,
    later: {
      replaced: 'Later replaced by a reserve: not inspected',
      dropped: 'Later dropped: no reserve was left',
      passed: 'Passed over when its turn came',
      came: 'Came in for another: to be inspected',
    },
    who: 'Who comes (blinded ids; the first leads)',
    experts: 'Experts (blinded ids)',
    comesTo: (n) => `Comes to ${n} objects`,
    blindedHint: 'When they come, ask for their salt of this draw; the same search will tell.',
    noSeed: 'The draw became void before it had a seed: there is no result.',
  },
}
