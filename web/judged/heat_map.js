// Means by tag and aspect as a table whose cells are coloured; a cell leads to its items.

import {formatCount, h, plainText} from '../page/dom.js';
import {decimal} from './numbers.js';

const kBreakdowns = [['task', 'task'], ['topic', 'topic'], ['source', 'source'], ['difficulty', 'difficulty']];
const kFewItems = 10;  // below this a mean says little

/** The range of all means of a breakdown, in half steps, so that runs share one scale of colours. */
function rangeOf(runs, breakdown) {
    const means = runs.flatMap(({result}) => result.withheld ? [] : Object.values(result[breakdown]).flatMap((group) => Object.values(group).map((cell) => cell?.mean)))
        .filter((mean) => typeof mean === 'number');
    if (!means.length) return [0, 1];
    const low = Math.floor(2 * Math.min(...means)) / 2;
    return [low, Math.max(low + 0.5, Math.ceil(2 * Math.max(...means)) / 2)];
}

function cellOf(cell, {withheld, low, high, label, onClick}) {
    if (!cell) return h('td.heat.empty', null, '');
    if (withheld) return h('td.heat.empty', null, h('i.withheld', null, 'withheld'));
    if (cell.mean === null) return h('td.heat.empty', {title: 'No verdict here is a number'}, '–');
    const share = (cell.mean - low) / (high - low);
    const interval = cell.ci95 ? `, 95 %: ${decimal(cell.ci95[0])} to ${decimal(cell.ci95[1])}` : '';
    const button = h('button', {type: 'button', title: `${label}: ${decimal(cell.mean)}${interval}, ${formatCount(cell.n)} answers; click for the items`, onclick: onClick},
        decimal(cell.mean), h('small', null, cell.ci95 ? `±${decimal((cell.ci95[1] - cell.ci95[0]) / 2)}` : ''));
    const element = h(`td.heat${cell.n < kFewItems ? '.few' : ''}`, null, button);
    element.style.setProperty('--heat', share.toFixed(3));
    return element;
}

function legendOf([low, high]) {
    const ramp = h('span.ramp', {'aria-hidden': 'true'});
    return h('span.heat-legend', null, decimal(low, 1), ramp, decimal(high, 1),
             h('small', null, ` ± half of the 95 % interval; in italics: fewer than ${kFewItems} answers`));
}

export function makeHeatMap(runs, {onCell}) {
    const breakdowns = kBreakdowns.filter(([name]) => runs.some(({result}) => Object.keys(result[name]).length));
    if (!breakdowns.length) return null;
    const state = {breakdown: breakdowns[0][0], run: runs[0]};
    const holder = h('div.scroll', {tabindex: 0});
    const legend = h('div.toolbar-note');

    function pillsOf(label, entries, isChosen, choose) {
        const group = h('div.pills', {role: 'group', 'aria-label': label}, entries.map(([value, title]) => {
            const pill = h('button.pill', {type: 'button', 'aria-pressed': String(isChosen(value)), onclick: () => {
                choose(value);
                [...group.children].forEach((other) => other.setAttribute('aria-pressed', String(other === pill)));
                render();
            }}, plainText(title));
            return pill;
        }));
        return group;
    }

    function render() {
        const {run: {result}, breakdown} = state;
        const groups = Object.entries(result[breakdown]);
        const aspects = [...new Set(groups.flatMap(([, group]) => Object.keys(group).filter((name) => name !== 'n')))];
        const range = rangeOf(runs, breakdown);
        legend.replaceChildren(legendOf(range));
        holder.replaceChildren(groups.length ? h('table.heat-map', null,
            h('thead', null, h('tr', null, h('th', {scope: 'col'}, breakdown), h('th.number', {scope: 'col', title: 'judgements'}, 'n'),
                aspects.map((aspect) => h('th', {scope: 'col'}, plainText(aspect))))),
            h('tbody', null, groups.map(([tag, group]) => h('tr', null, h('th', {scope: 'row'}, plainText(tag)), h('td.number', null, formatCount(group.n)),
                aspects.map((aspect) => cellOf(group[aspect], {
                    withheld: result.withheld, low: range[0], high: range[1], label: plainText(`${tag}, ${aspect}`),
                    onClick: () => onCell(breakdown, tag, aspect),
                })))))) : h('p.nothing', null, 'This run has no such tags.'));
    }

    render();
    return h('section', null, h('h2', null, 'Where are they strong and weak?'),
        h('div.card.headline', null, h('div.choices', null,
            pillsOf('Breakdown', breakdowns, (name) => name === state.breakdown, (name) => { state.breakdown = name; }),
            runs.length > 1 ? pillsOf('Run', runs.map((run) => [run, run.label]), (run) => run === state.run, (run) => { state.run = run; }) : null,
            legend), holder));
}
