// The first view: how much is shifted (beside the paper's figures), does it fade, how is it spread, which topics.

import {type Child, h} from '../page/dom';
import {kClasses} from '../page/position';
import type {View} from '../page/shell';
import {counted, formatCount, formatNumber, formatPercent} from '../page/text';
import {makeCharts} from './charts';
import type {Run} from './data';
import {kPaper, kPublished} from './published';
import {shareBar} from './share_bar';
import {runDifferences} from './run_names';
import {answerKey, classCounts, kNearTie, pairedDifference, type PairedDifference, type Ratio, type RunSummary, summarize, tagCounts} from './statistics';

const kFirstTags = 24;

function shareCell(share: Ratio): HTMLElement {
    return h('td.number', null, h('b', null, formatPercent(share.value)),
             h('small', {title: '95 % bootstrap interval over answers'},
               `${(100 * share.low).toFixed(1)}–${(100 * share.high).toFixed(1)}`));
}

/** What a run is, in few lines: only what is not the same for all runs. */
function runNote(run: Run, i: number, runs: readonly Run[], differences: ReturnType<typeof runDifferences>): Child {
    const samePair = new Set(runs.map(({header}) => header.pair)).size === 1;
    const sameWeights = new Set(runs.map(({header}) => header.weights)).size === 1;
    const several = runs.length > 1;
    return [
        several && samePair ? null : h('small', null, run.header.pair),
        !run.header.weights || (several && sameWeights) ? null : h('small', null, `weights: ${run.header.weights}`),
        several ? differences.map(({what, values}) => h('small', null, `${what}: ${values[i] || 'none'}`)) : null,
    ];
}

/** The common ground of several runs, and what differs between them, as one sentence each. */
function headline(runs: readonly Run[], differences: ReturnType<typeof runDifferences>): Child {
    if (runs.length < 2) return null;
    const pairs = new Set(runs.map(({header}) => header.pair));
    const weights = new Set(runs.map(({header}) => header.weights).filter(Boolean));
    return h('div.differing', null,
        differences.length ? differences.map(({what, values}) => h('p.difference', null, h('span', null, `${what}: `),
            values.map((value, i) => [i ? h('span', null, ' / ') : null, h('b', null, value || 'none')])))
            : h('p.difference', null, 'Their manifests name no difference.'),
        pairs.size === 1 ? h('p.note', null, `The same for all runs: ${[...pairs].join('')}${weights.size === 1 ? `, weights ${[...weights].join('')}` : ''}.`) : null);
}

function signed(value: number, digits: number, factor = 1): string {
    return `${value > 0 ? '+' : value < 0 ? '−' : ''}${Math.abs(factor * value).toFixed(digits)}`;
}

/** "run minus run" over the answers that both have; null where they share none. */
function pairedRow(runs: readonly Run[]): {row: HTMLElement; difference: PairedDifference} | null {
    if (runs.length !== 2) return null;
    const [before, after] = runs;
    const answers = new Map(before.answers.map((answer) => [answerKey(answer), answer]));
    const pairs = after.answers.flatMap((answer) => {
        const other = answers.get(answerKey(answer));
        return other && other.length && answer.length ? [[other, answer] as const] : [];
    });
    if (!pairs.length) return null;
    const difference = pairedDifference(before, after, pairs);
    const cells = difference.shares.map((share) => h('td.number', null, h('b', null, signed(share.value, 1, 100)),
        h('small', {title: '95 % bootstrap interval over the answers that both runs have'}, `${signed(share.low, 1, 100)} to ${signed(share.high, 1, 100)}`)));
    return {difference, row: h('tr.paired', null,
        h('th', {scope: 'row'}, `${after.label} minus ${before.label}`, h('small', null, `paired, ${counted(pairs.length, 'answer')}, percentage points`)),
        h('td'), cells)};
}

function shareTable(runs: readonly Run[], summaries: readonly RunSummary[], differences: ReturnType<typeof runDifferences>, paired: Child): HTMLElement {
    const own = runs.map((run, i) => h('tr.own', null,
        h('th', {scope: 'row'}, run.label, runNote(run, i, runs, differences), h('small', null, counted(summaries[i].answers, 'answer'))),
        h('td.bar-cell', null, shareBar(summaries[i].shares.map((share) => share.value))),
        summaries[i].shares.map(shareCell)));
    const paper = kPublished.map((pair) => h('tr.paper', null,
        h('th', {scope: 'row'}, `${pair.base} → ${pair.aligned}`),
        h('td.bar-cell', null, shareBar(pair.shares)),
        pair.shares.map((share) => h('td.number', null, formatPercent(share)))));
    return h('div.scroll', {tabindex: 0, role: 'region', 'aria-label': 'Shares of the classes'}, h('table.shares', null,
        h('thead', null, h('tr', null, h('th', {scope: 'col'}, runs.length > 1 ? 'Run' : 'Pair'), h('td'),
            kClasses.map((name) => h('th.number', {scope: 'col'}, h(`span.key.${name}`, null, name))))),
        h('tbody', null, own, paired),
        h('tbody.paper', null, h('tr', null, h('th.source', {colspan: 5, scope: 'rowgroup'}, `Published: ${kPaper}`)), paper)));
}

interface Figure {
    name: string;
    title: string;
    of(summary: RunSummary): Child;
    paired?(difference: PairedDifference): Child;
}

function ratio(value: Ratio | undefined, unit = 'nats'): Child {
    if (!value || Number.isNaN(value.value)) return '–';
    return [h('b', null, formatNumber(value.value)), h('small', null, `${formatNumber(value.low)}–${formatNumber(value.high)} ${unit}`)];
}

const kKlTitle = 'Over the whole vocabulary, mean over positions, with its 95 % bootstrap interval over answers';
const kEndsTitle = 'without the tokens that end answers, which the base model finds all but impossible';

function figuresOf(summaries: readonly RunSummary[]): Figure[] {
    const hasKl = summaries.some(({bounds}) => !bounds);
    const hasBounds = summaries.some(({bounds}) => bounds);
    return [
        {name: 'tokens analysed', title: 'Positions of all answers together', of: ({positions}) => h('b', null, formatCount(positions))},
        ...(hasKl ? [
            {name: 'mean KL(aligned ‖ base)', title: kKlTitle, of: ({kl, bounds}: RunSummary) => bounds ? '–' : ratio(kl),
             paired: ({kl}: PairedDifference) => kl ? [h('b', null, signed(kl.value, 3)), h('small', null, `${signed(kl.low, 3)} to ${signed(kl.high, 3)} nats`)] : '–'},
            {name: 'mean KL without answer ends', title: `The same ${kEndsTitle}`, of: ({klWithoutEnds, bounds}: RunSummary) => bounds ? '–' : ratio(klWithoutEnds)},
        ] : []),
        ...(hasBounds ? [
            {name: 'lower bound of the mean KL', title: 'The mean KL(aligned ‖ base) is at least this. From the lists of the most likely tokens and the tails beyond them',
             of: ({bounds}: RunSummary) => bounds ? ratio(bounds.kl) : '–'},
            {name: 'the same without answer ends', title: `The bound ${kEndsTitle}`, of: ({bounds}: RunSummary) => bounds ? ratio(bounds.klWithoutEnds) : '–'},
            {name: 'total variation', title: 'The mean total variation distance lies between these',
             of: ({bounds}: RunSummary) => bounds ? h('b', null, `${formatNumber(bounds.tvLower.value)} to ${formatNumber(bounds.tvUpper.value)}`) : '–'},
        ] : []),
        {name: 'self-agreement', title: 'Positions where the token is the aligned model’s own first choice. A low value means that another model, ' +
             'template or sampling wrote the answers', of: ({selfAgreement}) => h('b', null, formatPercent(selfAgreement))},
        {name: 'near-ties', title: `Positions where the first two candidates of a model lie within ${kNearTie} nats: rounding can turn them around`,
         of: ({nearTies}) => [h('b', null, formatPercent(nearTies.base)), h('small', null, 'base'), h('b', null, formatPercent(nearTies.aligned)), h('small', null, 'aligned')]},
    ];
}

/** Key figures as columns, a row a run. */
function keyFigures(runs: readonly Run[], summaries: readonly RunSummary[], paired: ReturnType<typeof pairedRow>): HTMLElement {
    const figures = figuresOf(summaries);
    const several = runs.length > 1;
    const rows = summaries.map((summary, i) => h('tr', null, several ? h('th', {scope: 'row'}, runs[i].label) : null, figures.map(({of}) => h('td', null, of(summary)))));
    return h('div.scroll', {tabindex: 0, role: 'region', 'aria-label': 'Key figures'}, h('table.figures', null,
        h('thead', null, h('tr', null, several ? h('th', {scope: 'col'}, 'Run') : null, figures.map(({name, title}) => h('th', {scope: 'col', title}, name)))),
        h('tbody', null, rows, paired ? h('tr.paired', null, h('th', {scope: 'row'}, `${runs[1].label} minus ${runs[0].label}`),
            figures.map((figure) => h('td', null, figure.paired?.(paired.difference) ?? ''))) : null)));
}

/** What the KL curve leaves out; nothing where no answer has a token that ends it. */
function endsNote(summaries: readonly RunSummary[]): HTMLElement | null {
    const ends = summaries.reduce((sum, summary) => sum + summary.ends, 0);
    if (!ends) return null;
    return h('p.note', null, `The KL curve leaves out the tokens that end answers (${counted(ends, 'position')}): they can stand ` +
        'anywhere and would hide how the KL fades. Ranks and probabilities are over all positions.');
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

function provenance(runs: readonly Run[]): HTMLElement {
    return h('section.provenance', null, h('h2', null, 'How this was made'),
        runs.map((run) => h('details.card', null, h('summary', null, `${run.label}: models, prompts and options`),
            h('pre', {tabindex: 0}, JSON.stringify(run.header.manifest, null, 2)))),
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
              'choice under half-precision weights; self-agreement above says how far that differs from the answer’s token here.'),
            h('dt', null, 'run minus run'),
            h('dd', null, 'Over the answers that both runs have, drawn together: 95 % percentile bootstrap, 2,000 resamples. It states a size, not a decision.'))));
}

export function makeOverview(runs: readonly Run[], {onTag}: {onTag(tag: string): void}): View {
    const summaries = runs.map((run) => summarize(run, run.answers));
    const charts = makeCharts(runs);
    const differences = runDifferences(runs);
    const paired = pairedRow(runs);
    let logarithmic = true;
    const scale = h('button.quiet', {type: 'button', 'aria-pressed': 'true', onclick: () => {
        logarithmic = !logarithmic;
        scale.setAttribute('aria-pressed', String(logarithmic));
        charts.draw(logarithmic);
    }}, 'log positions');
    const element = h('div.overview', null,
        warnings(runs, summaries),
        h('section', null, h('h2', null, 'How much did alignment change?'), headline(runs, differences),
            h('div.card.headline', null, shareTable(runs, summaries, differences, paired?.row), keyFigures(runs, summaries, paired))),
        h('section', null, h('div.heading', null, h('h2', null, 'Does the shift fade along the answer?'), scale), h('div.charts', null, charts.curves), endsNote(summaries)),
        h('section', null, h('h2', null, 'How is it spread?'), h('div.charts', null, charts.histograms)),
        tagTable(runs, onTag),
        provenance(runs));
    return {title: 'Overview', element, draw: () => charts.draw(logarithmic)};
}
