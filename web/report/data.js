// A shift run out of its three data blocks (docs/report.md describes them): texts (JSON), columns and top lists
// (little-endian typed arrays).

import {parseBlock, readBlock} from '../page/blocks.js';

export const kClassNames = ['unshifted', 'marginal', 'shifted'];

/** 0 unshifted (base rank 1), 1 marginal (2 and 3), 2 shifted (beyond 3). */
export function classOf(rank) {
    return rank <= 1 ? 0 : rank <= 3 ? 1 : 2;
}

/** A rank that nobody knows: beyond the list that a server was asked for. */
export const kUnknownRank = 0xffffffff;

const kLogprobStep = 1 / 1024;  // nats; the top lists keep -logp as a multiple of it
const kAbsent = 0xffff;

/** Cuts consecutive arrays of 4-byte numbers from `buffer` in the order of `layout`: [name, type, length]. */
function cutColumns(buffer, layout) {
    const columns = {};
    let offset = 0;
    for (const [name, type, length] of layout) {
        const Type = {u32: Uint32Array, f32: Float32Array, u16: Uint16Array}[type];
        columns[name] = new Type(buffer, offset, length);
        offset += length * Type.BYTES_PER_ELEMENT;
    }
    return columns;
}

export class Run {
    constructor(index, header, texts, columns) {
        this.index = index;
        this.header = header;
        this.label = header.label;
        this.tokens = texts.tokens;
        this.tokenIds = texts.token_ids;
        this.columns = columns;
        this.answers = texts.answers;
        this.byId = new Map();
        let start = 0;
        this.answers.forEach((answer, i) => {
            answer.index = i;
            answer.start = start;
            answer.length = columns.lengths[i];
            start += answer.length;
            this.byId.set(answer.id, answer);
        });
        this.positions = start;
        /** Only bounds of the divergences are known: a model was on a server. */
        this.isBounded = !columns.kl_ab;
        this.topLists = null;
    }

    /** The text of the answer's token at a position counted over the whole run. */
    token(position) {
        return this.tokens[this.columns.token[position]];
    }

    answerText(answer) {
        let text = '';
        for (let p = answer.start; p < answer.start + answer.length; ++p) text += this.token(p);
        return text;
    }

    /** Unpacks the top lists, the largest block: later than all else, and once. */
    loadTopLists() {
        this.loading ??= readBlock(`run-${this.index}-top`).then((buffer) => {
            this.topLists = cutColumns(buffer, this.header.top_layout);
        });
        return this.loading;
    }

    /** [{token, text, probability}] of "base" or "aligned", best first; null while the lists are still unpacked. */
    top(side, position) {
        if (!this.topLists) return null;
        const k = this.header.top_k;
        const list = [];
        for (let i = position * k; i < (position + 1) * k; ++i) {
            const packed = this.topLists[`${side}_top_logp`][i];
            if (packed === kAbsent) break;
            const token = this.topLists[`${side}_top`][i];
            list.push({token, text: this.tokens[token], probability: Math.exp(-packed * kLogprobStep)});
        }
        return list;
    }
}

export async function loadRun(index, header) {
    const [texts, columns] = await Promise.all([parseBlock(`run-${index}-texts`), readBlock(`run-${index}-columns`)]);
    return new Run(index, header, texts, cutColumns(columns, header.column_layout));
}
