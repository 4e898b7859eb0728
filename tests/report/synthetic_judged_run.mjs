// Writes a synthetic judged run: seeded random verdicts, no model and no judge behind them. The browser test uses it,
// and it can be run by hand:
//   node tests/report/synthetic_judged_run.mjs FOLDER [--kind score|pairwise|mt-bench] [--items N] [--seed N]
//       [--judges N] [--unscored SHARE] [--generator NAME] [--hostile]

import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {kHostile, randomNumbers} from './synthetic_run.mjs';

const kAspects = ['helpfulness', 'clarity', 'factuality', 'depth', 'engagement'];
const kTasks = ['info-seek', 'reasoning', 'writing', 'coding', 'math'];
const kTopics = ['stem', 'lifestyle', 'humanities', 'nature'];
const kSources = ['koala', 'lima', 'vicuna'];
const kCategories = ['coding', 'math', 'reasoning', 'roleplay', 'stem', 'writing'];
const kSentences = ['It answers the question in full.', 'One step is missing.', 'The list is clear and short.', 'A claim in the middle is wrong.',
    'The tone fits.', 'It repeats itself towards the end.', 'An example would help.'];

export function syntheticQuestion(i, first = 'Synthetic') { return `${first} question ${i}: what is a ${kTopics[i % 4]}?`; }

class Run {
    constructor({kind = 'score', seed = 1, judges = 1, unscored = 0, generator = 'model', drift = 0, sentences = 3, hostile = false,
                 aspects = kAspects, outside = []} = {}) {
        Object.assign(this, {kind, judges, unscored, generator, drift, sentences, hostile, aspects, outside});
        this.random = randomNumbers(seed);
    }

    pick(list) { return list[Math.min(list.length - 1, Math.floor(this.random() * list.length))]; }

    text(i, sentences) {
        const plain = Array.from({length: sentences}, () => this.pick(kSentences)).join(' ');
        return this.hostile ? `${kHostile[i % kHostile.length]} ${plain}` : plain;
    }

    item(i) {
        const tag = this.hostile ? kHostile[i % kHostile.length] : kTasks[i % kTasks.length];
        const item = {id: String(i), instruction: syntheticQuestion(i, this.hostile ? kHostile[i % kHostile.length] : 'Synthetic')};
        if (this.kind === 'mt-bench') {
            return {...item, category: kCategories[i % kCategories.length], follow_ups: [`Now shorter, question ${i}.`]};
        }
        return {...item, dataset: kSources[i % 3], task: [tag], topic: [kTopics[i % 4]], difficulty: ['easy', 'hard'][i % 2]};
    }

    answer(i, generator) { return {output: this.text(i, this.sentences + i % 9), generator: this.hostile ? `${kHostile[1]} ${generator}` : generator}; }

    score(i, highest) {
        if (this.random() < this.unscored) return {unscored: 'wrong type', raw: this.text(i, 1)};
        if (i < this.outside.length) return {score: this.outside[i], reason: 'outside the scale'};
        const value = Math.round(highest * (0.6 + 0.25 * this.drift) + (highest / 2.5) * (this.random() - 0.5));
        return {score: Math.max(1, Math.min(highest, value)), reason: this.text(i, 2)};
    }

    record(item, i, judge, more) {
        const verdicts = more.verdicts;
        return {...item, rubric: 'just-eval', rubric_version: '1', judge, turn: 1, attempts: 1, reply: JSON.stringify(verdicts), ...more};
    }

    scores(item, i) {
        const answer = this.answer(i, this.generator);
        return Array.from({length: this.judges}, (_, judge) => this.record(item, i, `judge-${judge + 1}`, {
            answer, verdicts: Object.fromEntries(this.aspects.map((aspect) => [aspect,
                aspect === 'factuality' && i % 17 === 3 ? {not_applicable: true, reason: 'A poem.'} : this.score(i, 5)])),
            ...(i % 40 === 7 ? {steering: ['asks for a score']} : {}),
        }));
    }

    pair(item, i) {
        const [a, b] = [this.answer(i, this.generator), this.answer(i + 1, 'other model')];
        const choice = () => this.pick(['A', 'A', 'B', 'tie']);
        const verdict = (preference) => this.random() < this.unscored ? {unscored: 'empty', raw: ''} : {preference, reason: this.text(i, 1)};
        const straight = ['overall', 'clarity'].map((aspect) => [aspect, choice()]);
        const swapped = straight.map(([aspect, chosen]) => [aspect, this.random() < 0.15 ? chosen : {A: 'B', B: 'A', tie: 'tie'}[chosen]]);
        const verdicts = (entries) => Object.fromEntries(entries.map(([aspect, chosen]) => [aspect, verdict(chosen)]));
        return [this.record(item, i, 'judge-1', {answer: a, other: b, rubric: 'pairwise', verdicts: verdicts(straight)}),
                this.record(item, i, 'judge-1', {answer: b, other: a, rubric: 'pairwise', verdicts: verdicts(swapped)})];
    }

    turns(item, i) {
        const answer = {...this.answer(i, this.generator), follow_ups: [this.text(i, 2)]};
        return [1, 2].map((turn) => this.record(item, i, 'judge-1', {answer, turn, rubric: turn === 1 ? 'mt-bench' : 'mt-bench-turn-2', verdicts: {overall: this.score(i, 10)}}));
    }

    records(i) {
        const item = this.item(i);
        return {score: () => this.scores(item, i), pairwise: () => this.pair(item, i), 'mt-bench': () => this.turns(item, i)}[this.kind]();
    }
}

export async function writeJudgedRun(folder, {items = 30, bill, ...options} = {}) {
    const run = new Run(options);
    await mkdir(folder, {recursive: true});
    await writeFile(path.join(folder, 'manifest.json'), JSON.stringify({
        format: 'urial.eval/1', bill, note: `synthetic: random numbers, no judge${options.hostile ? kHostile.join('') : ''}`}));
    const records = Array.from({length: items}, (_, i) => run.records(i)).flat();
    await writeFile(path.join(folder, 'records.jsonl'), records.map((record) => JSON.stringify(record) + '\n').join(''));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const [folder, ...flags] = process.argv.slice(2);
    const given = (name, otherwise) => flags.includes(name) ? flags[flags.indexOf(name) + 1] : otherwise;
    await writeJudgedRun(folder, {
        kind: given('--kind', 'score'), items: Number(given('--items', 30)), seed: Number(given('--seed', 1)), judges: Number(given('--judges', 1)),
        unscored: Number(given('--unscored', 0)), drift: Number(given('--drift', 0)), generator: given('--generator', 'model'),
        hostile: flags.includes('--hostile'),
    });
}
