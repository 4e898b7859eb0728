// Which answers the third view shows, and in which order. Pure functions over runs.

import {classOf} from './data.js';
import {classCounts, meanKl} from './statistics.js';

/** Answers of all runs by id, in the order of the first run that has them: [{id, instruction, tags, of: [answer|null per run]}]. */
export function pairAnswers(runs) {
    const ids = new Map();
    runs.forEach((run, r) => {
        for (const answer of run.answers) {
            let item = ids.get(answer.id);
            if (!item) {
                item = {id: answer.id, instruction: answer.instruction, tags: answer.tags, of: new Array(runs.length).fill(null)};
                ids.set(answer.id, item);
            }
            item.of[r] = answer;
        }
    });
    return [...ids.values()];
}

function fold(items, runs, value) {
    const values = new Map();
    for (const item of items) {
        let sum = 0;
        let n = 0;
        item.of.forEach((answer, r) => {
            if (!answer || !answer.length) return;
            sum += value(runs[r], answer);
            ++n;
        });
        values.set(item, n ? sum / n : 0);
    }
    return values;
}

const kOrders = {
    'most-shifted': [(run, answer) => classCounts(run, answer)[2] / answer.length, -1],
    'least-shifted': [(run, answer) => classCounts(run, answer)[2] / answer.length, 1],
    'highest-kl': [meanKl, -1],
    'lowest-kl': [meanKl, 1],
    'longest': [(run, answer) => answer.length, -1],
};

/** Whether the token with this text is shifted somewhere in the answer. */
function hasShifted(run, answer, text) {
    for (let p = answer.start; p < answer.start + answer.length; ++p) {
        if (run.token(p) === text && classOf(run.columns.base_rank[p]) === 2) return true;
    }
    return false;
}

/** `wanted`: {text, tag, token: {run, text}|null, id: text|null, order}. */
export function selectAnswers(runs, items, wanted) {
    const text = wanted.text.toLowerCase();
    const chosen = items.filter((item) => {
        if (wanted.id !== null && item.id !== wanted.id) return false;
        if (wanted.tag && !item.tags.includes(wanted.tag)) return false;
        if (wanted.token) {
            const answer = item.of[wanted.token.run.index];
            if (!answer || !hasShifted(wanted.token.run, answer, wanted.token.text)) return false;
        }
        if (!text || item.instruction.toLowerCase().includes(text)) return true;
        return item.of.some((answer, r) => answer && runs[r].answerText(answer).toLowerCase().includes(text));
    });
    const order = kOrders[wanted.order];
    if (!order) return chosen;
    const values = fold(chosen, runs, order[0]);
    return chosen.sort((a, b) => order[1] * (values.get(a) - values.get(b)));
}

/** Positions (counted over the run) that overlap an occurrence of `text` in the answer. */
export function searchHits(run, answer, text) {
    const hits = new Set();
    if (!text) return hits;
    const wanted = text.toLowerCase();
    const starts = [];
    let whole = '';
    for (let p = answer.start; p < answer.start + answer.length; ++p) {
        starts.push(whole.length);
        whole += run.token(p).toLowerCase();
    }
    let at = 0;
    for (let found = whole.indexOf(wanted); found >= 0; found = whole.indexOf(wanted, found + wanted.length)) {
        while (at + 1 < starts.length && starts[at + 1] <= found) ++at;
        for (let i = at; i < starts.length && starts[i] < found + wanted.length; ++i) hits.add(answer.start + i);
    }
    return hits;
}
