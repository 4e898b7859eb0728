// Texts that want to be more than text, in the places where Markdown puts them.

const kCores = [
    '<script>window.hit=1</script>', '<img src=x onerror="window.hit=1">', '<svg onload=window.hit=1>', '<iframe srcdoc="<script>parent.hit=1</script>">',
    '<a href="javascript:window.hit=1">x</a>', '<style>*{display:none}</style>', '<link rel=stylesheet href=http://203.0.113.1/x.css>',
    '<meta http-equiv=refresh content="0;url=http://203.0.113.1/">', '<base href=http://203.0.113.1/>', '<form action=http://203.0.113.1/><button>',
    '<video src=http://203.0.113.1/v onerror=window.hit=1>', '<object data=http://203.0.113.1/o>', '<math><mtext><img src=x onerror=window.hit=1>',
    '<details open ontoggle=window.hit=1>', '<input autofocus onfocus=window.hit=1>', '</textarea><script>window.hit=1</script>', '</title><script>window.hit=1</script>',
    '[x](javascript:window.hit=1)', '[x](JaVaScRiPt:window.hit=1)', '[x](java\tscript:window.hit=1)', '[x](data:text/html,<script>window.hit=1</script>)',
    '[x](vbscript:x)', '[x](&#106;avascript:window.hit=1)', '[x](file:///etc/passwd)', '[x](blob:http://203.0.113.1/x)', '![x](http://203.0.113.1/i.png)',
    '![x](javascript:window.hit=1)', '![x](data:image/svg+xml,<svg onload=window.hit=1>)', '[x]: javascript:window.hit=1\n[x]', '<javascript:window.hit=1>',
    '<http://203.0.113.1/a>', 'http://203.0.113.1/b', '[a](http://203.0.113.1/ "t\\" onmouseover=\\"window.hit=1")', '{{constructor.constructor("window.hit=1")()}}',
    '${window.hit=1}', '__proto__', 'constructor', 'toString', '\u202egnol\u202c \u2066x\u2069', '\u200b\u00ad\ufeff', '\u3164\u115f\u{e0041}', '\u2028\u2029',
    'W'.repeat(3000), 'مرحبا '.repeat(60), 'a\u0300'.repeat(400), '😀'.repeat(300), '\ufffd\u0001\u001b[31m',
];

const kPlaces = [
    (core) => core, (core) => `text ${core} text`, (core) => `- ${core}\n- ${core}`, (core) => `# ${core}`, (core) => `\`\`\`html\n${core}\n\`\`\``,
    (core) => `| a | b |\n|---|---|\n| ${core} | \`${core}\` |`, (core) => `> **${core}**`,
];

/** More than 300. */
export const kPayloads = kPlaces.flatMap((place) => kCores.map(place));
export const kShort = kCores.map((core) => core.slice(0, 190));
