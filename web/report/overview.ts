// The first view: how much is shifted (beside the paper's figures), does it fade, how is it spread, which topics.

import {type Child, h} from '../page/dom';
import {kClasses} from '../page/position';
import type {View} from '../page/shell';
import {counted, formatCount, formatNumber, formatPercent} from '../page/text';
import {currentTheme} from '../page/theme';
import {makeCharts} from './charts';
import type {Run} from './data';
import {kPaper, kPublished} from './published';
import {shareBar} from './share_bar';
import {type Bounds, classCounts, kNearTie, type Ratio, type RunSummary, summarize, tagCounts} from './statistics';

const kFirstTags = 24;

function shareCell(share: Ratio): HTMLElement {
    return h('td.number', null, h('b', null, formatPercent(share.value)),
             h('small', {title: '95 % bootstrap interval over answers'},
               `${(100 * share.low).toFixed(1)}–${(100 * share.high).toFixed(1)}`));
}

function shareTable(runs: readonly Run[], summaries: readonly RunSummary[]): HTMLElement {
    const own = runs.map((run, i) => h('tr.own', null,
        h('th', {scope: 'row'}, run.label,
            h('small', null, run.header.pair), run.header.weights ? h('small', null, `weights: ${run.header.weights}`) : null,
            h('small', null, counted(summaries[i].answers, 'answer'))),
        h('td.bar-cell', null, shareBar(summaries[i].shares.map((share) => share.value))),
        summaries[i].shares.map(shareCell)));
    const paper = kPublished.map((pair) => h('tr.paper', null,
        h('th', {scope: 'row'}, `${pair.base} → ${pair.aligned}`),
        h('td.bar-cell', null, shareBar(pair.shares)),
        pair.shares.map((share) => h('td.number', null, formatPercent(share)))));
    return h('table.shares', null,
        h('thead', null, h('tr', null, h('th', {scope: 'col'}, 'Pair'), h('td'),
            kClasses.map((name) => h('th.number', {scope: 'col'}, h(`span.key.${name}`, null, name))))),
        h('tbody', null, own),
        h('tbody.paper', null, h('tr', null, h('th.source', {colspan: 5, scope: 'rowgroup'}, `Published: ${kPaper}`)), paper));
}

function figure(label: string, values: readonly Child[], title: string): HTMLElement {
    return h('div.figure', {title}, h('dt', null, label), values.map((value) => h('dd', null, value)));
}

/** What the KL curve leaves out; nothing where no answer has a token that ends it. */
function endsNote(summaries: readonly RunSummary[]): HTMLElement | null {
    const ends = summaries.reduce((sum, summary) => sum + summary.ends, 0);
    if (!ends) return null;
    return h('p.note', null, `The KL curve leaves out the tokens that end answers (${formatCount(ends)} positions): they can stand ` +
        'anywhere and would hide how the KL fades. Ranks and probabilities are over all positions.');
}

type RowOf = (text: Child, i: number) => Child;

/** What is known of the divergences of runs with a model on a server, under its own name. */
function boundFigures(row: RowOf, summaries: readonly RunSummary[]): Child {
    const bound = (name: string, of: (bounds: Bounds) => string, unit: string, title: string): HTMLElement => figure(name, summaries.map((s, i) => row(s.bounds ? [of(s.bounds), h('small', null, unit)] : ['–'], i)), title);
    return [
        bound('lower bound of the mean KL', (b) => formatNumber(b.kl.value), ' nats',
            'The mean KL(aligned ‖ base) is at least this. From the lists of the most likely tokens and the tails beyond them'),
        bound('the same without answer ends', (b) => formatNumber(b.klWithoutEnds.value), ' nats',
            'Without the tokens that end answers, which the base model finds all but impossible'),
        bound('total variation', (b) => `${formatNumber(b.tvLower.value)} to ${formatNumber(b.tvUpper.value)}`, '',
            'The mean total variation distance lies between these'),
    ];
}

function keyFigures(runs: readonly Run[], summaries: readonly RunSummary[]): HTMLElement {
    const many = runs.length > 1;
    const row: RowOf = (text, i) => many ? [h('small.run', null, runs[i].label), text] : [text];
    return h('dl.figures', null,
        figure('tokens analysed', summaries.map((s, i) => row(formatCount(s.positions), i)), 'Positions of all answers together'),
        runs.every((run) => run.isBounded) ? null : [figure('mean KL(aligned ‖ base)', summaries.map((s, i) => row(s.bounds ? ['–'] : [formatNumber(s.kl.value),
            h('small', null, ` nats, ${formatNumber(s.kl.low)}–${formatNumber(s.kl.high)}`)], i)),
            'Over the whole vocabulary, mean over positions, with its 95 % bootstrap interval over answers'),
        figure('mean KL without answer ends', summaries.map((s, i) => row(s.bounds ? ['–'] : [formatNumber(s.klWithoutEnds.value),
            h('small', null, ` nats, ${formatNumber(s.klWithoutEnds.low)}–${formatNumber(s.klWithoutEnds.high)}`)], i)),
            'The same without the tokens that end answers, which the base model finds all but impossible')],
        summaries.some((s) => s.bounds) ? boundFigures(row, summaries) : null,
        figure('self-agreement', summaries.map((s, i) => row(formatPercent(s.selfAgreement), i)),
            'Positions where the token is the aligned model’s own first choice. A low value means that another model, ' +
            'template or sampling wrote the answers'),
        figure('near-ties', summaries.map((s, i) => row([formatPercent(s.nearTies.base), h('small', null, ' base, '), formatPercent(s.nearTies.aligned), h('small', null, ' aligned')], i)),
            `Positions where the first two candidates of a model lie within ${kNearTie} nats: rounding can turn them around`));
}

/** What a reader must know before believing the numbers. */
function warnings(runs: readonly Run[], summaries: readonly RunSummary[]): HTMLElement | null {
    const labels = new Map<string, string[]>();  // text -> the runs that it is about
    runs.forEach((run, i) => {
        const own = [...run.header.warnings];
        if (summaries[i].selfAgreement < 0.9) {
            own.push(`Only ${formatPercent(summaries[i].selfAgreement)} of the tokens are the aligned model’s own first ` +
                     'choice: were the answers sampled, written by another model, or made under another template?');
        }
        if (summaries[i].infiniteKl) {
            own.push(`The KL is infinite at ${formatCount(summaries[i].infiniteKl)} positions; means leave them out.`);
        }
        for (const text of own) labels.set(text, [...(labels.get(text) ?? []), run.label]);
    });
    if (!labels.size) return null;
    return h('ul.warnings', {'aria-label': 'Warnings'}, [...labels].map(([text, about]) =>
        h('li', null, about.length < runs.length ? `${about.join(', ')}: ${text}` : text)));
}

function tagRow(runs: readonly Run[], tag: string, answers: number, onTag: (tag: string) => void): HTMLElement {
    return h('tr', null,
        h('th', {scope: 'row'}, h('button.link', {type: 'button', onclick: () => onTag(tag)}, tag)),
        h('td.number', null, formatCount(answers)),
        runs.map((run) => {
            const totals = [0, 0, 0];
            for (const answer of run.answers) {
                if (answer.tags.includes(tag)) classCounts(run, answer).forEach((count, i) => { totals[i] += count; });
            }
            const all = totals[0] + totals[1] + totals[2];
            return [h('td.bar-cell', null, shareBar(totals.map((count) => count / all))),
                    h('td.number', null, formatPercent(totals[2] / all))];
        }));
}

function tagTable(runs: readonly Run[], onTag: (tag: string) => void): HTMLElement | null {
    const tags = tagCounts(runs);
    if (!tags.length) return null;
    const rowsOf = (some: typeof tags): HTMLElement[] => some.map(([tag, answers]) => tagRow(runs, tag, answers, onTag));
    const body = h('tbody', null, rowsOf(tags.slice(0, kFirstTags)));
    const rest = tags.slice(kFirstTags);
    const more = rest.length ? h('button.more', {type: 'button', onclick: () => {
        body.append(...rowsOf(rest));
        more?.remove();
    }}, `Show the other ${formatCount(rest.length)} of ${formatCount(tags.length)} tags`) : null;
    return h('section', null, h('h2', null, 'By task and topic'),
        h('div.card', null, h('div.scroll', {tabindex: 0, role: 'region', 'aria-label': 'Table of tags'}, h('table.tags', null,
            h('thead', null, h('tr', null, h('th', {scope: 'col'}, 'tag'), h('th.number', {scope: 'col'}, 'answers'),
                runs.map((run) => [h('th', {scope: 'col'}, runs.length > 1 ? run.label : 'classes'),
                                   h('th.number', {scope: 'col'}, 'shifted')]))), body)), more));
}

function provenance(runs: readonly Run[], licences: string): HTMLElement {
    return h('section.provenance', null, h('h2', null, 'How this was made'),
        runs.map((run) => h('details.card', null, h('summary', null, `${run.label}: models, prompts and options`),
            h('pre', null, JSON.stringify(run.header.manifest, null, 2)))),
        h('details.card', null, h('summary', null, 'What the words mean'), h('dl.glossary', null,
            h('dt', null, 'unshifted, marginal, shifted'),
            h('dd', null, 'The token of the answer is the base model’s first choice (rank 1), its second or third, or none of these.'),
            h('dt', null, 'KL(aligned ‖ base)'),
            h('dd', null, 'How much the two distributions differ at a position, in nats, over the whole vocabulary.'),
            h('dt', null, 'lower bound of the KL, bounds of the total variation'),
            h('dd', null, 'Of a model on a server only the most likely tokens are known. A bound is no estimate: the value itself may lie far from it.'),
            h('dt', null, 'intervals and bands'),
            h('dd', null, 'Shares and mean KL: 95 % percentile bootstrap over answers, 2,000 resamples, a fixed seed. Curves: ',
              '95 % interval of the mean over answers, normal approximation; later positions are taken together in groups.'),
            h('dt', null, 'published figures'),
            h('dd', null, 'Three pairs of 7B models on 1,000 instructions. There the class is that of the aligned model’s first ',
              'choice under half-precision weights; self-agreement above says how far that differs from the answer’s token here.'))),
        h('details.card', null, h('summary', null, 'Licences of the charting libraries in this file'),
            h('pre', null, licences)));
}

export function makeOverview(runs: readonly Run[], {licences, onTag}: {licences: string; onTag(tag: string): void}): View {
    const subsets = runs.map((run) => run.answers);
    const summaries = runs.map((run, i) => summarize(run, subsets[i]));
    const charts = makeCharts(runs);
    let logarithmic = true;
    const scale = h('button.quiet', {type: 'button', 'aria-pressed': 'true', onclick: () => {
        logarithmic = !logarithmic;
        scale.setAttribute('aria-pressed', String(logarithmic));
        draw();
    }}, 'log positions');
    const draw = (): void => { void charts.draw({subsets, logarithmic, theme: currentTheme()}); };
    const element = h('div.overview', null,
        warnings(runs, summaries),
        h('section', null, h('h2', null, 'How much did alignment change?'),
            h('div.card.headline', null, shareTable(runs, summaries), keyFigures(runs, summaries))),
        h('section', null, h('h2', null, 'Does the shift fade along the answer?', scale), h('div.charts', null, charts.curves), endsNote(summaries)),
        h('section', null, h('h2', null, 'How is it spread?'), h('div.charts', null, charts.histograms)),
        tagTable(runs, onTag),
        provenance(runs, licences));
    return {title: 'Overview', element, draw};
}
