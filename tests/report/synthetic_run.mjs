// Writes a synthetic shift run: seeded random numbers in the shape of a real one, no model behind them. The browser
// test uses it, and it can be run by hand:
//   node tests/report/synthetic_run.mjs FOLDER [--answers N] [--tokens N] [--seed N] [--drift X] [--hostile]

import {mkdir, open, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

const kTopK = 10;
const kVocabulary = 20000;
const kStyle = ['Thank', ' Great', ' However', ' Here', ' apologize', ' cannot', ' glad', '!', ' Additionally', ' Please', '\n\n', ' sure', ' important', ' **'];
const kWords = (' the of and to in a is that for it as with on are this by be from or which can have an at their more will not its ' +
    'water light people energy time system cells history country language music theory number small large first world cause ' +
    'blue sky air scatter red through because where while many common known often used called form part make find').trim().split(' ');

/** Texts that would be markup, scripts, or a broken page, if a report were careless. */
export const kHostile = ['</script><script>globalThis.hacked = 1</script>', '<img src=x onerror="globalThis.hacked = 2">', '<!--<script>',
    '&lt;b&gt;', '"onmouseover="globalThis.hacked=3', '{{constructor.constructor("globalThis.hacked=4")()}}', 'a\u2028b\u2029c', '\u202egnp.exe', '\u0000\u0007\u2028', ']]>', '%s%n'];

export function randomNumbers(seed) {
    let state = seed >>> 0;
    return () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return (Math.imul(state ^ (state >>> 15), 2246822519) >>> 0) / 4294967296;
    };
}

export class SyntheticRun {
    constructor({seed = 1, tokens = 200, hostile = false, drift = 1} = {}) {
        this.random = randomNumbers(seed);
        this.tokens = tokens;
        this.drift = drift;
        this.texts = [];
        for (let id = 0; id < kVocabulary; ++id) {
            if (id < kStyle.length) this.texts.push(kStyle[id]);
            else if (hostile && id < kStyle.length + kHostile.length) this.texts.push(kHostile[id - kStyle.length]);
            else if (id < 400) this.texts.push(` ${kWords[id % kWords.length]}`);
            else this.texts.push(` ${kWords[id % kWords.length]}${(id / kWords.length | 0).toString(36)}`);
        }
        this.common = hostile ? kStyle.length + kHostile.length : kStyle.length;
    }

    pick(n) { return Math.min(n - 1, Math.floor(this.random() * n)); }

    candidates(first, firstLogprob) {
        const list = [[first, firstLogprob]];
        let logp = Math.min(firstLogprob, Math.log(Math.max(1e-9, 1 - Math.exp(firstLogprob))));
        while (list.length < kTopK) {
            logp -= 0.2 + this.random();
            list.push([this.pick(kVocabulary), logp]);
        }
        return list.map(([id, value]) => [id, Number(value.toFixed(6))]);
    }

    position(i) {
        const fade = this.drift * (0.05 + 0.7 * Math.exp(-i / 6));
        const roll = this.random();
        const rank = roll < fade * 0.55 ? 4 + Math.floor(Math.exp(this.random() * 7)) : roll < fade * 0.55 + 0.12 ? 2 + this.pick(2) : 1;
        const token = rank > 3 && this.random() < 0.7 ? this.pick(this.common) : this.common + this.pick(300);
        const alignedLogp = -0.5 * this.random() * this.random();
        const baseLogp = rank === 1 ? -0.7 * this.random() : -Math.log(rank) - 0.8 - 2 * this.random();
        const aligned = this.candidates(token, alignedLogp);
        let base = this.candidates(rank === 1 ? token : this.common + this.pick(300), rank === 1 ? baseLogp : -0.3 - this.random());
        if (rank > 1 && rank <= kTopK) base[rank - 1] = [token, baseLogp];
        base = base.slice(0, 1).concat(base.slice(1).sort((a, b) => b[1] - a[1]));
        const kl = Math.max(0, (alignedLogp - baseLogp) * (0.6 + 0.3 * this.random()));
        return {token, rank, alignedLogp, baseLogp, aligned, base, kl, margin: Math.abs(base[0][1] - base[1][1])};
    }

    record(id) {
        const positions = Array.from({length: Math.max(1, Math.round(this.tokens * (0.6 + 0.8 * this.random())))}, (_, i) => this.position(i));
        const of = (f) => positions.map((p) => { const x = f(p); return Number.isInteger(x) ? x : Number(x.toFixed(6)); });
        const pieces = {};
        for (const p of positions) for (const [token] of [...p.base, ...p.aligned]) pieces[token] = this.texts[token];
        return {
            id, instruction: `Synthetic question ${id}: why is the ${kWords[28 + id % 50]} ${kWords[30 + (id * 7) % 48]}?`,
            answer: positions.map((p) => this.texts[p.token]).join(''),
            answer_ids: of((p) => p.token), pieces: positions.map((p) => this.texts[p.token]),
            base_rank: of((p) => p.rank), aligned_rank: of(() => 1), base_logp: of((p) => p.baseLogp), aligned_logp: of((p) => p.alignedLogp),
            kl_ab: of((p) => p.kl), kl_ba: of((p) => p.kl * 1.4), js: of((p) => Math.min(0.69, p.kl / 4)), tv: of((p) => Math.min(1, p.kl / 3)),
            base_entropy: of((p) => 1 - p.baseLogp / 4), aligned_entropy: of((p) => 0.4 - p.alignedLogp),
            base_argmax: of((p) => p.base[0][0]), aligned_argmax: of((p) => p.token), base_margin: of((p) => p.margin), aligned_margin: of(() => 2),
            base_top: positions.map((p) => p.base), aligned_top: positions.map((p) => p.aligned), top_pieces: pieces,
            task: [['info-seeking', 'creative writing', 'reasoning'][id % 3]], topic: [['Nature', 'Ethics'][id % 2]],
        };
    }
}

/** The record as a run with a model on a server has it: bounds instead of divergences, here and there no rank. */
function bounded({kl_ab, kl_ba, js, tv, base_entropy, aligned_entropy, ...record}) {
    return {...record, base_rank: record.base_rank.map((rank) => rank > 50 ? null : rank),
            kl_ab_lower_bound: kl_ab.map((kl) => kl * 0.75), tv_lower_bound: tv.map((value) => value * 0.75),
            tv_upper_bound: tv.map((value) => Math.min(1, value + 0.125))};
}

/** `instructionOf(id)`: another instruction than the synthetic one. */
export async function writeSyntheticRun(folder, {answers = 20, instructionOf = null, weights = 'F32', bounded: isBounded = false, ...options} = {}) {
    const run = new SyntheticRun(options);
    await mkdir(folder, {recursive: true});
    await writeFile(path.join(folder, 'manifest.json'), JSON.stringify({
        format: 'urial.shift/1', note: 'synthetic: random numbers, no model',
        identity: {
            base: {model: {name: options.hostile ? kHostile[1] : 'synthetic-base', weight_type: weights}},
            aligned: {model: {name: 'synthetic-aligned', weight_type: weights}},
        },
    }, null, 2));
    const file = await open(path.join(folder, 'records.jsonl'), 'w');
    for (let id = 0; id < answers; ++id) {
        const record = run.record(id);
        if (instructionOf) record.instruction = instructionOf(id);
        if (options.hostile) record.instruction = `${kHostile[id % kHostile.length]} ${record.instruction}`;
        await file.write(JSON.stringify(isBounded ? bounded(record) : record) + '\n');
    }
    await file.close();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const [folder, ...flags] = process.argv.slice(2);
    const number = (name, otherwise) => flags.includes(name) ? Number(flags[flags.indexOf(name) + 1]) : otherwise;
    await writeSyntheticRun(folder, {
        answers: number('--answers', 20), tokens: number('--tokens', 200), seed: number('--seed', 1), drift: number('--drift', 1),
        hostile: flags.includes('--hostile'),
    });
}
