// Markdown as it grows: what can no longer change is read once. The pieces are marked's tokens, never markup.

import {lexer, type Token} from 'marked';

export interface Block {
    key: number;
    token: Token;
    settled: boolean;
}

// Far beyond what people write; some of marked's expressions take time that grows faster than these.
const kLongestLine = 10000;
const kDeepest = 12;
const kTooDeep = new RegExp(`^(?:[ \\t]*(?:>|[-*+](?=[ \\t])|\\d{1,9}[.)](?=[ \\t]))){${kDeepest},}`, 'm');
const kManyBrackets = /(?:[[\]!*_~`<(][^\n]{0,3}){400}/;

function isPlain(text: string): boolean {
    return new RegExp(`[^\\n]{${kLongestLine}}`).test(text) || kTooDeep.test(text) || kManyBrackets.test(text);
}

function plainBlock(text: string): Token {
    return {type: 'plain', raw: text, text};
}

function read(text: string): Token[] {
    if (isPlain(text)) return [plainBlock(text)];
    try {
        return lexer(text, {gfm: true});
    } catch {
        return [plainBlock(text)];
    }
}

export class BlockReader {
    private settled: Block[] = [];
    private source = '';

    /** `grows`: more may follow. */
    read(text: string, grows: boolean): Block[] {
        const clean = text.replace(/\r\n?/g, '\n');
        if (!clean.startsWith(this.source)) {
            this.settled = [];
            this.source = '';
        }
        const tokens = read(clean.slice(this.source.length));
        const open = this.settle(clean, tokens, grows);
        return [...this.settled, ...open.map((token, i) => ({key: this.settled.length + i, token, settled: !grows}))];
    }

    /** Keeps all but the last two blocks, which what follows can still change. Returns the others. */
    private settle(clean: string, tokens: Token[], grows: boolean): Token[] {
        if (!grows) return tokens;
        const solid = tokens.flatMap((token, i) => token.type === 'space' ? [] : [i]);
        const end = solid.at(-2) ?? 0;
        const raw = tokens.slice(0, end).map((token) => token.raw).join('');
        if (end === 0 || !clean.startsWith(raw, this.source.length)) return tokens;
        for (const token of tokens.slice(0, end)) this.settled.push({key: this.settled.length, token, settled: true});
        this.source += raw;
        return tokens.slice(end);
    }
}
