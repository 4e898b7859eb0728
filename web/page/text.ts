// Texts and numbers as a page shows them. Characters that nobody can see are spelt out: ‹202E›.

// What cannot be seen, as classes of a regular expression: the same as in src/base/text.cpp, which
// tests/base/invisible_characters.json sees to. Always: control and format characters, blanks that are no spaces, what
// turns the direction of text, tags, halves of surrogate pairs. Joiners and selectors of variants are a part of what is
// seen behind what they join or change. Line feeds and tabs are text.
const kAlways = '\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f-\\u1160\\u17b4-\\u17b5' +
    '\\u180e\\u200b\\u200e-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u2800\\u3164\\ufeff\\uffa0' +
    '\\ufff0-\\ufffb\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e00ff}\\u{e01f0}-\\u{e0fff}' +
    '\\ud800-\\udfff';
const kSelectors = '\\u180b-\\u180d\\u180f\\ufe00-\\ufe0f\\u{e0100}-\\u{e01ef}';
const kScripts = '\\u0600-\\u109f\\u1780-\\u180a\\u1810-\\u1cff\\ua800-\\uaaff\\uabc0-\\uabff\\ufb50-\\ufdff' +
    '\\ufe70-\\ufefc\\u{10a00}-\\u{11fff}\\u{1e900}-\\u{1e95f}';
const kSymbols = '\\u00a9\\u00ae\\u203c\\u2049\\u2122\\u2139\\u2190-\\u2bff\\u3030\\u303d\\u3297\\u3299' +
    '\\u{1f000}-\\u{1faff}';
const kIdeographs = '\\u2e80-\\u9fff\\uf900-\\ufaff\\uff01-\\uff5e\\u{20000}-\\u{3ffff}';

/** A character of these classes that is not spelt out itself. */
const seen = (classes: string): string => `(?![${kAlways}])[${classes}]`;
const kInvisible = new RegExp([
    `[${kAlways}]`,
    `\\u200c(?<!${seen(kScripts)}\\u200c)`,
    `\\u200d(?<!${seen(kScripts)}\\u200d|${seen(kSymbols)}\\ufe0f?\\u200d)`,
    `[${kSelectors}](?<!${seen(kScripts + kSymbols + kIdeographs)}.|[0-9#*]\\ufe0f)`,
].join('|'), 'gu');

function spelledOut(character: string): string {
    return `‹${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}›`;
}

/** Running text: what cannot be seen is spelt out, line breaks and tabs stay. */
export function plainText(text: string): string {
    return text.replace(kInvisible, spelledOut);
}

/** A token as a label: spaces, line breaks and tabs are made visible too. */
export function visibleToken(text: string): string {
    if (text === '') return '∅';
    return plainText(text.replace(/^ +| +$/g, (spaces) => '␣'.repeat(spaces.length)).replace(/\n/g, '↵').replace(/\t/g, '⇥'));
}

/** A token inside running text: line breaks stay and are marked. */
export function runningToken(text: string): string {
    return text === '' ? '∅' : plainText(text.replace(/\n/g, '↵\n'));
}

/** A whole number: "12,345". Intl would take 50 ms when it is used first. */
export function formatCount(value: number): string {
    return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** 0.1234 -> "12.3 %"; a probability too small for a decimal keeps its power of ten. */
export function formatPercent(value: number, digits = 1): string {
    if (!Number.isFinite(value)) return '–';
    const percent = 100 * value;
    if (percent > 0 && percent < 0.5 * 10 ** -digits) {
        return percent < 1e-4 ? `${percent.toExponential(0)} %` : `${Number(percent.toPrecision(1))} %`;
    }
    return `${percent.toFixed(digits)} %`;
}

/** What is not finite, or not known, is a dash. */
export function formatNumber(value: number | null, digits = 3): string {
    if (value === null || !Number.isFinite(value)) return '–';
    if (value !== 0 && Math.abs(value) < 0.5 * 10 ** -digits) return value.toExponential(1);
    return value.toFixed(digits).replace('-', '−');
}

/** "1 answer", "2 answers". */
export function counted(count: number, noun: string): string {
    return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}
