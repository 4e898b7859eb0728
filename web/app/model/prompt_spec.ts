// A prompt specification (docs/prompts.md) in parts, from TOML and back.

import {parseToml, type Toml, type TomlTable, tomlText} from './toml';

export interface Turn {
    query: string;
    answer: string;
    rest: TomlTable;      // what this page does not edit, such as a form of its own
}

/** One or more turns. */
export interface Example {
    turns: Turn[];
    rest: TomlTable;
}

export interface PromptSpec {
    name: string;
    version: string;
    description: string;
    preamble: string;
    style: {query: string; answer: string; fenced: boolean} | null;
    form: TomlTable | null;   // instead of a style
    headers: string[] | null;
    stop: string[];
    suffix: string;
    examples: Example[];
    rest: TomlTable;
}

function take(table: TomlTable, name: string): Toml | undefined {
    const value = table[name];
    delete table[name];
    return value;
}

function takeText(table: TomlTable, name: string): string {
    const value = take(table, name);
    if (value !== undefined && typeof value !== 'string') throw new Error(`${name} must be a text`);
    return value ?? '';
}

function takeTexts(table: TomlTable, name: string): string[] | null {
    const value = take(table, name);
    if (value === undefined) return null;
    if (!Array.isArray(value) || !value.every((entry): entry is string => typeof entry === 'string')) throw new Error(`${name} must be a list of texts`);
    return value;
}

function takeTable(table: TomlTable, name: string): TomlTable | null {
    const value = take(table, name);
    if (value === undefined) return null;
    if (typeof value !== 'object' || Array.isArray(value)) throw new Error(`${name} must be a table`);
    return value;
}

function takeTables(table: TomlTable, name: string): TomlTable[] {
    const value = take(table, name) ?? [];
    if (!Array.isArray(value)) throw new Error(`${name} must be a list of tables`);
    return value.map((entry) => {
        if (typeof entry !== 'object' || Array.isArray(entry)) throw new Error(`${name} must be a list of tables`);
        return entry;
    });
}

function readTurn(table: TomlTable): Turn {
    return {query: takeText(table, 'query'), answer: takeText(table, 'answer'), rest: table};
}

function readExample(table: TomlTable): Example {
    const turns = takeTables(table, 'turn').map(readTurn);
    if (turns.length) return {turns, rest: table};
    const turn = readTurn(table);
    return {turns: [turn], rest: Object.create(null) as TomlTable};
}

function readStyle(table: TomlTable): PromptSpec['style'] {
    const fenced = take(table, 'fenced');
    return {query: takeText(table, 'query'), answer: takeText(table, 'answer'), fenced: fenced === true};
}

/** Throws an Error that says what is wrong. */
export function readPromptSpec(text: string): PromptSpec {
    const table = parseToml(text);
    const style = takeTable(table, 'style');
    return {
        name: takeText(table, 'name'), version: takeText(table, 'version'), description: takeText(table, 'description'),
        preamble: takeText(table, 'preamble'), style: style && readStyle(style), form: takeTable(table, 'form'),
        headers: takeTexts(table, 'headers'), stop: takeTexts(table, 'stop') ?? [], suffix: takeText(table, 'suffix'),
        examples: takeTables(table, 'example').map(readExample), rest: table,
    };
}

function inlineValue(value: Toml): string {
    if (typeof value === 'string') return `"${tomlText(value).startsWith('"""') ? escapedLine(value) : tomlText(value).slice(1, -1)}"`;
    if (Array.isArray(value)) return `[${value.map(inlineValue).join(', ')}]`;
    if (typeof value === 'object') return `{${Object.entries(value).map(([name, inner]) => `${keyText(name)} = ${inlineValue(inner)}`).join(', ')}}`;
    return String(value);
}

function escapedLine(text: string): string {
    return text.split('\n').map((line) => tomlText(line).slice(1, -1)).join('\\n');
}

function keyText(name: string): string {
    return /^[A-Za-z0-9_-]+$/.test(name) ? name : `"${escapedLine(name)}"`;
}

function lines(table: TomlTable): string {
    return Object.entries(table).map(([name, value]) => `${keyText(name)} = ${inlineValue(value)}\n`).join('');
}

function turnLines({query, answer, rest}: Turn): string {
    return `query = ${tomlText(query)}\nanswer = ${tomlText(answer)}\n${lines(rest)}`;
}

function exampleText({turns, rest}: Example): string {
    if (turns.length === 1 && Object.keys(rest).length === 0) return `\n[[example]]\n${turnLines(turns[0]!)}`;
    return `\n[[example]]\n${lines(rest)}${turns.map((turn) => `\n[[example.turn]]\n${turnLines(turn)}`).join('')}`;
}

export function writePromptSpec(spec: PromptSpec): string {
    const field = (name: string, text: string): string => text === '' ? '' : `${name} = ${tomlText(text)}\n`;
    let text = `name = ${tomlText(spec.name)}\n` + field('version', spec.version) + field('description', spec.description) +
        field('preamble', spec.preamble) + field('suffix', spec.suffix);
    if (spec.headers) text += `headers = ${inlineValue(spec.headers)}\n`;
    if (spec.stop.length) text += `stop = ${inlineValue(spec.stop)}\n`;
    text += lines(spec.rest);
    if (spec.style) {
        text += `\n[style]\nquery = ${tomlText(spec.style.query)}\nanswer = ${tomlText(spec.style.answer)}\nfenced = ${spec.style.fenced}\n`;
    }
    if (spec.form) text += `\n[form]\n${lines(spec.form)}`;
    return text + spec.examples.map(exampleText).join('');
}

export const kNewTurn: Turn = {query: '', answer: '', rest: Object.create(null) as TomlTable};

/** "My prompt" -> "my-prompt.toml" */
export function fileNameOf(spec: PromptSpec): string {
    const name = spec.name.toLowerCase().replace(/[^a-z0-9_-]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 60);
    return `${name || 'prompt'}.toml`;
}
