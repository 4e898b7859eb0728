// The first view: the table of scores with its charts, what differs between runs, by task and topic, pairs, MT-bench.

import {chartCard} from '../page/chart_card.js';
import {formatCount, formatPercent, h, plainText} from '../page/dom.js';
import {bars, differenceLine, radar} from './charts.js';
import {makeHeatMap} from './heat_map.js';
import {agreementSection, billSection, mtBenchSection, pairSection} from './other_tables.js';
import {decimal, measureCell, scoresTable} from './numbers.js';

const kFewestAxes = 3;
const kLowest = 1;  // of every scale

function aspectsOf(runs) {
    return [...new Set(runs.flatMap((run) => Object.keys(run.result.aspects)))];
}

function scoreTable(runs) {
    const aspects = aspectsOf(runs);
    const rows = runs.map(({label, result}) => h('tr', null,
        h('th', {scope: 'row'}, plainText(label), h('small', null, `${formatCount(result.records)} judgements`)),
        aspects.map((aspect) => measureCell(result.aspects[aspect], result.withheld)),
        measureCell({mean: result.avg, ci95: result.avg_ci95}, result.withheld),
        h('td.number', null, decimal(result.len, 0)),
        h('td.number', {title: `${result.refused} of them refused by the judge`}, `${formatCount(result.unscored)}`,
          h('small', null, `of ${formatCount(result.verdicts)}`))));
    return scoresTable(['Run'], [...aspects, 'average', 'words', 'unscored'], rows);
}

function tipOf(label, name, {mean, ci95, n}) {
    return `${label} · ${name}\n${mean.toFixed(2)}${ci95 ? `, 95 %: ${ci95[0].toFixed(2)} to ${ci95[1].toFixed(2)}` : ''}${n ? `\n${formatCount(n)} answers` : ''}`;
}

/** Series over names; what is withheld or missing is null. `valueOf(run, name)`: {mean, ci95, n} or undefined. */
function seriesOf(runs, names, valueOf) {
    return runs.map((run, i) => ({label: plainText(run.label), index: run.index ?? i, values: names.map((name) => {
        const value = valueOf(run, name);
        return value && value.mean !== null ? {...value, tip: plainText(tipOf(run.label, name, value))} : null;
    })})).filter(({values}) => values.some(Boolean));
}

/** Cards that draw() fills again. */
function scoreCharts(runs, axes, valueOf, {name, title, high}) {
    const series = seriesOf(runs, axes, valueOf);
    if (!series.length) return null;
    const drawn = [];
    const add = (title, kind, make) => {
        const {card, holder} = chartCard(title, `${kind}-${name}`, () => new XMLSerializer().serializeToString(holder.firstChild));
        drawn.push((theme) => holder.replaceChildren(make(axes, series, {low: kLowest, high, theme})));
        return card;
    };
    const element = h('div.charts.scores-charts', null,
        axes.length >= kFewestAxes ? add('Profile', 'radar', radar) : null,
        add(title, 'bars', bars));
    return {element, draw: (theme) => drawn.forEach((draw) => draw(theme))};
}

function formatP(value) {
    if (value === undefined || value === null) return '–';
    return value < 0.001 ? '< 0.001' : value.toFixed(3);
}

function differenceTable(differences) {
    const all = differences.flatMap(({aspects}) => Object.values(aspects)).filter(({mean}) => mean !== null);
    const reach = Math.max(0.1, ...all.flatMap(({mean, ci95}) => [mean, ...(ci95 ?? [])].map(Math.abs)));
    const isCorrected = all.some(({p_holm: corrected}) => corrected !== undefined);
    const body = h('tbody');
    const draw = () => body.replaceChildren(...differences.flatMap(({run, against, aspects}) => Object.entries(aspects)
        .filter(([, difference]) => difference.mean !== null).map(([aspect, difference], i, rows) => h('tr', null,
            i === 0 ? h('th', {scope: 'rowgroup', rowspan: rows.length}, plainText(run), h('small', null, plainText(`minus ${against}`))) : null,
            h('th.aspect', {scope: 'row'}, plainText(aspect)),
            h('td.line', null, differenceLine(difference, reach)),
            h('td.number', null, h('b', null, `${difference.mean > 0 ? '+' : ''}${difference.mean.toFixed(2)}`),
              difference.ci95 ? h('small', null, `${decimal(difference.ci95[0])} to ${decimal(difference.ci95[1])}`) : null),
            h('td.number', null, formatP(difference.p_value)),
            isCorrected ? h('td.number', null, formatP(difference.p_holm)) : null,
            h('td.number', null, formatCount(difference.n)),
            h('td.number', null, formatCount(difference.unpaired))))));
    const element = h('section', null, h('h2', null, 'What differs between the runs?'),
        h('div.card.headline', null,
            h('p.note', null, 'Paired by item, over the items that both runs scored. An interval that crosses the dotted zero means that the data do not ',
              'say which is better. ', isCorrected
                ? 'p (Holm) is corrected for the number of comparisons, which were all stated beforehand.'
                : 'With several aspects, one in twenty looks decided by chance at p = 0.05.'),
            h('div.scroll', {tabindex: 0}, h('table.differences', null, h('thead', null, h('tr', null, h('th', {scope: 'col'}, 'Runs'), h('th', {scope: 'col'}, 'aspect'), h('th', {scope: 'col'}, ''),
                ['difference', 'p', ...(isCorrected ? ['p (Holm)'] : []), 'items', 'unpaired'].map((name) => h('th.number', {scope: 'col'}, name)))), body))));
    return {element, draw};
}

function warnings(runs) {
    const lines = [];
    for (const {label, result} of runs) {
        const say = (text) => lines.push(h('li', null, plainText(`${label}: ${text}`)));
        if (result.report) say('counted as the original authors did: “N/A” is 5.0, an item counts for its last tag, breakdowns look at helpfulness alone.');
        if (result.withheld) {
            say('more than 5 % of the verdicts of an aspect could not be read: no means are shown. --allow-unscored shows them.');
        } else if (result.unscored) {
            say(`${formatCount(result.unscored)} of ${formatCount(result.verdicts)} verdicts could not be read (${formatCount(result.refused)} refusals); means leave them out.`);
        }
        if (Object.values({...Object.values(result.win_rates ?? {})[0], ...result.mt_bench}).some(({withheld}) => withheld)) {
            say('more than 5 % of the verdicts could not be read: no rates and means are shown. --allow-unscored shows them.');
        }
        if (result.steering) say(`${formatCount(result.steering)} ${result.win_rates ? 'pairs of answers' : 'answers'} look as if they tried to steer the judge; no score was changed for it.`);
    }
    return lines.length ? h('ul.warnings', {'aria-label': 'Warnings'}, lines) : null;
}

function provenance(runs) {
    return h('section.provenance', null, h('h2', null, 'How this was made'),
        runs.filter((run) => run.records.some(({judge}) => judge)).map((run) => h('details.card', null,
            h('summary', null, plainText(`${run.label}: judges ${[...new Set(run.records.map((record) => record.judge))].join(', ')}; rubrics ` +
                [...new Set(run.records.map((record) => `${record.rubric} ${record.rubric_version ?? ''}`.trim()))].join(', '))),
            h('pre', null, plainText(JSON.stringify(run.manifest, null, 2))))),
        h('details.card', null, h('summary', null, 'What the numbers mean'), h('dl.glossary', null,
            h('dt', null, 'intervals'), h('dd', null, '95 %, percentile bootstrap over items, 10,000 resamples; items with the same instruction are drawn together.'),
            h('dt', null, 'unscored'), h('dd', null, 'The judge’s reply, or one value of it, could not be read under the strict rules. It counts nowhere. “Not applicable” is read, and is no number.'),
            h('dt', null, 'p'), h('dd', null, 'The share of random sign flips of whole items that give a difference at least as large.'),
            h('dt', null, 'p (Holm)'), h('dd', null, 'p corrected by Holm’s rule for the number of comparisons that were stated together beforehand.'),
            h('dt', null, 'pairs'), h('dd', null, 'Both orders are asked. Orders that disagree are a tie and a flip. Length-controlled: the win rate if both answers were equally long.'))));
}

/** What pairs of models found in the answers: a bar of the three classes each. */
function shiftSection(colours) {
    if (!colours.length) return null;
    const kinds = ['unshifted', 'marginal', 'shifted'];
    const bar = (pair) => h('div.shift-bar', {role: 'img', 'aria-label': kinds.map((kind) => `${kind} ${formatPercent(pair[kind])}`).join(', ')},
        kinds.map((kind) => {
            const part = h(`span.part.${kind}`);
            part.style.width = `${100 * pair[kind]}%`;
            return part;
        }));
    return h('section', null, h('h2', null, 'What would the base model have written?'), h('div.card.headline', null,
        h('p.note', null, 'Tokens of the aligned answers by their rank in the base model’s distribution: unshifted (1), marginal (2 or 3), shifted (beyond).'),
        h('div.scroll', {tabindex: 0}, h('table.scores', null,
            h('thead', null, h('tr', null, h('th', {scope: 'col'}, 'Answers of'), h('th', {scope: 'col'}, 'read under'), h('th', {scope: 'col'}, ''),
                [...kinds, 'KL, nats'].map((name) => h('th.number', {scope: 'col'}, name)))),
            h('tbody', null, colours.map((pair) => h('tr', null, h('th', {scope: 'row'}, plainText(pair.run)), h('td', null, plainText(pair.base)),
                h('td.bar-cell', null, bar(pair)), kinds.map((kind) => h('td.number', null, formatPercent(pair[kind]))),
                h('td.number', null, pair.kl === null ? '–' : pair.kl.toFixed(3)))))))));
}

/** `onCell(facet, tag, aspect)`: a cell of the heat map was chosen. */
export function makeOverview(runs, {differences, colours, theme, onCell}) {
    const scored = runs.filter((run) => run.result.aspects);
    const drawn = [];
    const keep = (part) => {
        if (!part) return null;
        drawn.push(part.draw);
        return part.element;
    };
    const sections = [warnings(runs)];
    if (scored.length) {
        const aspects = aspectsOf(scored);
        sections.push(h('section', null, h('h2', null, 'How good are the answers?'), h('div.card.headline', null, scoreTable(scored)),
            keep(scoreCharts(scored, aspects, ({result}, name) => result.withheld ? undefined : result.aspects[name],
                             {name: 'aspects', title: 'Means and 95 % intervals', high: Math.max(...scored.map((run) => run.highest))}))));
        const decided = differences.filter(({aspects: of}) => Object.values(of).some(({n}) => n > 0));
        if (decided.length) sections.push(keep(differenceTable(decided)));
        sections.push(makeHeatMap(scored, {onCell}));
    }
    sections.push(pairSection(runs), mtBenchSection(runs, (entries, categories) => keep(scoreCharts(entries, categories,
        ({table}, name) => table.categories[name] === undefined ? undefined : {mean: table.categories[name], ci95: table.categories_ci95[name]},
        {name: 'categories', title: 'Means by category', high: 10}))));
    sections.push(shiftSection(colours), agreementSection(runs), billSection(runs));
    const element = h('div.overview', null, sections, provenance(runs));
    return {element, draw: () => drawn.forEach((draw) => draw(theme()))};
}
