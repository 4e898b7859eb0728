// The part of TOML that prompt specifications need, read and written. The server reads what comes out of here once
// more, and strictly: this reader only has to understand every file that is right.

export type Toml = string | number | boolean | Toml[] | TomlTable;
export interface TomlTable { [key: string]: Toml }

const kEscapes: Record<string, string> = {b: '\b', t: '\t', n: '\n', f: '\f', r: '\r', '"': '"', '\\': '\\', e: '\u001b'};

class Reader {
    private at = 0;
    constructor(private readonly text: string) {}

    private fail(why: string): never {
        throw new Error(`line ${this.text.slice(0, this.at).split('\n').length}: ${why}`);
    }

    private peek(wanted: string): boolean {
        return this.text.startsWith(wanted, this.at);
    }

    private skip(pattern: RegExp): string {
        pattern.lastIndex = this.at;
        const found = pattern.exec(this.text)?.[0] ?? '';
        this.at += found.length;
        return found;
    }

    private blanks(): void { this.skip(/[ \t]*/y); }
    private blankLines(): void { this.skip(/(?:[ \t\r\n]|#[^\n]*)*/y); }

    private endOfLine(): void {
        this.skip(/[ \t]*(?:#[^\n]*)?/y);
        if (this.at < this.text.length && !this.skip(/\r?\n/y)) this.fail('something stands behind the value');
    }

    private escape(isLong: boolean): string {
        if (isLong && this.skip(/[ \t]*\r?\n[ \t\r\n]*/y)) return '';
        const name = this.text[this.at++] ?? '';
        const code = name === 'u' ? this.skip(/[0-9A-Fa-f]{4}/y) : name === 'U' ? this.skip(/[0-9A-Fa-f]{8}/y) : '';
        if (code) {
            const point = parseInt(code, 16);
            return point <= 0x10ffff ? String.fromCodePoint(point) : this.fail(`\\${name}${code} is no character`);
        }
        return Object.hasOwn(kEscapes, name) ? kEscapes[name]! : this.fail(`\\${name} is no escape`);
    }

    private string(): string {
        const quote = this.text[this.at]!;
        const isLong = this.peek(quote.repeat(3));
        const end = isLong ? quote.repeat(3) : quote;
        this.at += end.length;
        if (isLong) this.skip(/\r?\n/y);
        let value = '';
        while (!this.peek(end)) {
            const character = this.text[this.at++];
            if (character === undefined || (!isLong && character === '\n')) this.fail('a text is not closed');
            value += character === '\\' && quote === '"' ? this.escape(isLong) : character;
        }
        this.at += end.length;
        // Up to two quotes may stand directly before the closing ones.
        for (let i = 0; isLong && i < 2 && this.peek(quote); ++i) { value += quote; ++this.at; }
        return value;
    }

    private key(): string {
        const quote = this.text[this.at];
        if (quote === '"' || quote === "'") return this.string();
        return this.skip(/[A-Za-z0-9_-]+/y) || this.fail('a name is missing');
    }

    private keyPath(): string[] {
        const path = [this.key()];
        for (this.blanks(); this.skip(/\.[ \t]*/y); this.blanks()) path.push(this.key());
        return path;
    }

    private value(depth = 0): Toml {
        if (depth > 32) this.fail('lists are nested too deeply');
        const first = this.text[this.at];
        if (first === '"' || first === "'") return this.string();
        if (this.skip(/true\b/y)) return true;
        if (this.skip(/false\b/y)) return false;
        if (first === '[') {
            ++this.at;
            const list: Toml[] = [];
            for (this.blankLines(); !this.peek(']'); this.blankLines()) {
                list.push(this.value(depth + 1));
                this.blankLines();
                if (!this.skip(/,/y)) break;
            }
            this.blankLines();
            return this.skip(/\]/y) ? list : this.fail('a list is not closed');
        }
        if (first === '{') {
            ++this.at;
            const table = newTable();
            for (this.blanks(); !this.peek('}'); this.blanks()) {
                this.assign(table, depth + 1);
                this.blanks();
                if (!this.skip(/,/y)) break;
            }
            this.blanks();
            return this.skip(/\}/y) ? table : this.fail('a table is not closed');
        }
        const number = this.skip(/[+-]?[0-9][0-9_]*(?:\.[0-9_]+)?(?:[eE][+-]?[0-9]+)?/y);
        return number ? Number(number.replace(/_/g, '')) : this.fail('a value is missing');
    }

    private assign(table: TomlTable, depth = 0): void {
        const path = this.keyPath();
        if (!this.skip(/=[ \t]*/y)) this.fail('"=" is missing');
        const last = path.pop()!;
        const target = this.descend(table, path);
        if (Object.hasOwn(target, last)) this.fail(`${last} stands here twice`);
        target[last] = this.value(depth);
    }

    private descend(table: TomlTable, path: readonly string[]): TomlTable {
        for (const name of path) {
            if (!Object.hasOwn(table, name)) table[name] = newTable();
            let next = table[name]!;
            if (Array.isArray(next)) next = next.at(-1)!;
            if (typeof next !== 'object' || Array.isArray(next)) this.fail(`${name} is not a table`);
            table = next;
        }
        return table;
    }

    read(): TomlTable {
        const root = newTable();
        let table = root;
        for (this.blankLines(); this.at < this.text.length; this.blankLines()) {
            const isList = Boolean(this.skip(/\[\[[ \t]*/y));
            if (isList || this.skip(/\[[ \t]*/y)) {
                const path = this.keyPath();
                if (!this.skip(isList ? /\]\]/y : /\]/y)) this.fail('the name of a table is not closed');
                table = isList ? this.pushTable(root, path) : this.descend(root, path);
            } else {
                this.assign(table);
            }
            this.endOfLine();
        }
        return root;
    }

    private pushTable(root: TomlTable, path: string[]): TomlTable {
        const last = path.pop()!;
        const parent = this.descend(root, path);
        if (!Object.hasOwn(parent, last)) parent[last] = [];
        const list = parent[last]!;
        if (!Array.isArray(list)) this.fail(`${last} is not a list of tables`);
        const table = newTable();
        list.push(table);
        return table;
    }
}

function newTable(): TomlTable {
    return Object.create(null) as TomlTable;
}

/** Throws an Error that names the line. */
export function parseToml(text: string): TomlTable {
    return new Reader(text.replace(/^\ufeff/, '').replace(/\r\n/g, '\n')).read();
}

function escaped(text: string, isLong: boolean): string {
    return text.replace(isLong ? /[\\\u0000-\u0008\u000b-\u001f\u007f]/g : /[\\"\u0000-\u001f\u007f]/g, (character) => {
        const short = {'\\': '\\\\', '"': '\\"', '\n': '\\n', '\t': '\\t', '\r': '\\r'}[character];
        return short ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
    });
}

/** A text as TOML; one with line breaks stands between three quotes, each line as it is. */
export function tomlText(text: string): string {
    if (!text.includes('\n')) return `"${escaped(text, false)}"`;
    // A quote at the end or two in a row would close it.
    return `"""\n${escaped(text, true).replace(/"(?="|$)/g, '\\"')}"""`;
}
