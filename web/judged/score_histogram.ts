// How often each score was given, above the items: a bar is a button that keeps the items with that score.

import {fill, h} from '../page/dom';
import {runColour} from '../page/palette';
import {patternFill} from '../page/plot';
import {s} from '../page/svg';
import {formatCount} from '../page/text';
import {currentTheme} from '../page/theme';
import type {Item, JudgedRun} from './data';
import {scoresOf} from './item_filter';

const kMostBars = 21;
const kHeight = 44;  // px
const kWidth = 11;

interface HistogramOptions {
    /** A score (its condition's name), or '' for the one that was pressed already. */
    onChoose(condition: string): void;
}

export interface ScoreHistogram {
    readonly element: HTMLElement;
    /** `items`: those that fulfil all filters but the one on the score. */
    update(items: readonly Item[], shown: readonly JudgedRun[], aspect: string, condition: string): void;
}

function barOf(run: JudgedRun, height: number): SVGSVGElement {
    const {definition, value} = patternFill(run.index, runColour(currentTheme(), run.index));
    return s('svg', {width: kWidth, height, 'aria-hidden': 'true'}, definition, s('rect', {width: kWidth, height, rx: 1.5, fill: value}));
}

export function makeScoreHistogram({onChoose}: HistogramOptions): ScoreHistogram {
    const element = h('div.histogram', {role: 'group', 'aria-label': 'Scores: press one to filter'});

    function update(items: readonly Item[], shown: readonly JudgedRun[], aspect: string, condition: string): void {
        const counts = shown.map((run) => {
            const of = new Map<number, number>();
            for (const item of items) for (const score of scoresOf(item.of[run.index].records, aspect)) of.set(score, (of.get(score) ?? 0) + 1);
            return of;
        });
        const scores = [...new Set(counts.flatMap((of) => [...of.keys()]))].sort((a, b) => a - b);
        element.hidden = scores.length < 2 || scores.length > kMostBars;
        const most = Math.max(1, ...counts.flatMap((of) => [...of.values()]));
        fill(element, h('small', null, aspect || 'all aspects'), scores.map((score) => {
            const name = `=${score}`;
            const told = shown.map((run, i) => `${run.label}: ${formatCount(counts[i].get(score) ?? 0)}`).join('\n');
            return h('button.score-bar', {type: 'button', title: `score ${score}\n${told}`, 'aria-pressed': String(name === condition),
                onclick: () => onChoose(name === condition ? '' : name)},
                h('span.bars', {'aria-hidden': 'true'}, shown.map((run, i) => barOf(run, kHeight * (counts[i].get(score) ?? 0) / most))),
                h('span', null, score));
        }), shown.length > 1 ? h('small.bar-names', null, shown.map((run) => h('span', null, barOf(run, kWidth), run.label))) : null);
    }

    return {element, update};
}
