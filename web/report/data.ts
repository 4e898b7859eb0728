// A shift run out of its three data blocks (docs/report.md describes them): texts (JSON), columns and top lists
// (little-endian typed arrays).

import {fileIsRead, parseBlock, readBlock} from '../page/blocks';
import type {Entry, Position, Side} from '../page/position';

/** A rank that nobody knows: beyond the list that a server was asked for. */
export const kUnknownRank = 0xffffffff;

const kLogprobStep = 1 / 1024;  // nats; the top lists keep -logp as a multiple of it
const kAbsent = 0xffff;

type Layout = readonly (readonly [name: string, type: 'u32' | 'f32' | 'u16', length: number])[];

export interface RunHeader {
    label: string;
    pair: string;
    weights: string;
    warnings: string[];
    top_k: number;
    column_layout: Layout;
    top_layout: Layout;
    manifest: unknown;
}

export interface Header {
    title: string;
    runs: RunHeader[];
}

export interface Answer {
    id: string;
    instruction: string;
    tags: string[];
    start: number;   // its first position, counted over the run
    length: number;  // positions
}

interface Texts {
    tokens: string[];
    token_ids: number[];
    answers: {id: string; instruction: string; tags: string[]}[];
}

type Column = Uint32Array | Float32Array;
type Measure = 'kl_ab' | 'kl_ba' | 'js' | 'tv' | 'base_entropy' | 'aligned_entropy' | 'kl_ab_lower_bound' | 'tv_lower_bound' | 'tv_upper_bound';

/** One entry per position; measures that the run does not have are absent. Tokens are indices into the run's tokens. */
export type Columns = Record<'token' | 'base_rank' | 'aligned_rank' | 'base_logp' | 'aligned_logp' | 'base_argmax' | 'aligned_argmax' |
    'base_margin' | 'aligned_margin', Column> & Partial<Record<Measure, Column>>;

/** Cuts consecutive arrays from `buffer` in the order of `layout`. */
function cutColumns(buffer: ArrayBuffer, layout: Layout): Record<string, Column | Uint16Array> {
    const columns: Record<string, Column | Uint16Array> = Object.create(null);
    let offset = 0;
    for (const [name, type, length] of layout) {
        const Type = {u32: Uint32Array, f32: Float32Array, u16: Uint16Array}[type];
        columns[name] = new Type(buffer, offset, length);
        offset += length * Type.BYTES_PER_ELEMENT;
    }
    return columns;
}

/** What the statistics need of a run. */
export interface ShiftRun {
    readonly columns: Columns;
    readonly tokens: readonly string[];
    readonly isBounded: boolean;
    /** The text of the answer's token at a position counted over the whole run. */
    token(position: number): string;
}

export class Run implements ShiftRun {
    readonly label: string;
    readonly tokens: string[];
    private readonly tokenIds: number[];
    readonly answers: Answer[];
    readonly positions: number;
    /** Only bounds of the divergences are known: a model was on a server. */
    readonly isBounded: boolean;
    private topLists: Record<string, Column | Uint16Array> | null = null;
    private loading: Promise<void> | null = null;
    private readonly lowerTexts = new Map<Answer, string>();

    constructor(readonly index: number, readonly header: RunHeader, texts: Texts, readonly columns: Columns, lengths: ArrayLike<number>) {
        this.label = header.label;
        this.tokens = texts.tokens;
        this.tokenIds = texts.token_ids;
        let start = 0;
        this.answers = texts.answers.map((answer, i) => {
            const length = lengths[i];
            start += length;
            return {...answer, start: start - length, length};
        });
        this.positions = start;
        this.isBounded = !columns.kl_ab;
    }

    token(position: number): string {
        return this.tokens[this.columns.token[position]];
    }

    answerText(answer: Answer): string {
        const parts: string[] = [];
        for (let p = answer.start; p < answer.start + answer.length; ++p) parts.push(this.token(p));
        return parts.join('');
    }

    /** The answer in lower case, for searching; made once. */
    lowerText(answer: Answer): string {
        let text = this.lowerTexts.get(answer);
        if (text === undefined) this.lowerTexts.set(answer, text = this.answerText(answer).toLowerCase());
        return text;
    }

    get hasTopLists(): boolean {
        return this.topLists !== null;
    }

    /** Unpacks the top lists, the largest block and the last of the file: later than all else, and once. */
    loadTopLists(): Promise<void> {
        this.loading ??= fileIsRead().then(() => readBlock(`run-${this.index}-top`)).then((buffer) => {
            this.topLists = cutColumns(buffer, this.header.top_layout);
        });
        return this.loading;
    }

    private top(side: 'base' | 'aligned', position: number): Entry[] | null {
        if (!this.topLists) return null;
        const k = this.header.top_k;
        const list: Entry[] = [];
        for (let i = position * k; i < (position + 1) * k; ++i) {
            const packed = this.topLists[`${side}_top_logp`][i];
            if (packed === kAbsent) break;
            const token = this.topLists[`${side}_top`][i];
            list.push({token: this.tokenIds[token], text: this.tokens[token], logp: -packed * kLogprobStep});
        }
        return list;
    }

    private rank(side: 'base' | 'aligned', position: number): number | null {
        const rank = this.columns[`${side}_rank`][position];
        return rank === kUnknownRank ? null : rank;
    }

    private side(side: 'base' | 'aligned', position: number): Side {
        return {rank: this.rank(side, position), logp: this.columns[`${side}_logp`][position],
                entropy: this.columns[`${side}_entropy`]?.[position] ?? null, top: this.top(side, position)};
    }

    /** All that is known of a position; without lists until they are unpacked. */
    position(position: number): Position {
        const c = this.columns;
        const of = (measure: Measure): number | null => c[measure]?.[position] ?? null;
        const bound = of('kl_ab_lower_bound');
        return {
            token: this.tokenIds[c.token[position]], text: this.token(position), base: this.side('base', position), aligned: this.side('aligned', position),
            kl: of('kl_ab'), klReverse: of('kl_ba'), js: of('js'), tv: of('tv'),
            bounds: bound === null ? null : {kl: bound, tvLow: of('tv_lower_bound')!, tvHigh: of('tv_upper_bound')!},
        };
    }

    /** The same without lists and second thoughts: what a strip of tokens needs. */
    stripToken(position: number): Pick<Position, 'text' | 'kl' | 'bounds'> & {base: Pick<Side, 'rank' | 'logp'>} {
        const c = this.columns;
        const bound = c.kl_ab_lower_bound?.[position];
        return {text: this.token(position), kl: c.kl_ab?.[position] ?? null,
                bounds: bound === undefined ? null : {kl: bound, tvLow: 0, tvHigh: 1},
                base: {rank: this.rank('base', position), logp: c.base_logp[position]}};
    }
}

export async function loadRun(index: number, header: RunHeader): Promise<Run> {
    const [texts, buffer] = await Promise.all([parseBlock<Texts>(`run-${index}-texts`), readBlock(`run-${index}-columns`)]);
    const {lengths, ...columns} = cutColumns(buffer, header.column_layout);
    return new Run(index, header, texts, columns as Columns, lengths!);
}
