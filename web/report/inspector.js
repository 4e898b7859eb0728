// The panel beside the answers: both models' top lists and the numbers of one position.

import {classOf, kClassNames, kUnknownRank} from './data.js';
import {formatCount, formatNumber, formatPercent, h, visibleToken} from '../page/dom.js';

/** A server that does not say where a token stands beyond its list was asked for 50 at least. */
function rankText(rank) {
    return rank === kUnknownRank ? '> 50' : formatCount(rank);
}

function listRow(entry, rank, isAnswer) {
    const fill = h('span.fill');
    fill.style.width = `${100 * entry.probability}%`;
    return h(isAnswer ? 'tr.answer' : 'tr', {'aria-current': isAnswer ? 'true' : null},
        h('td.number', null, rank),
        h('td.piece', {title: visibleToken(entry.text)}, h('code', null, visibleToken(entry.text))),
        h('td.meter-cell', null, h('span.meter', null, fill)),
        h('td.number', null, formatPercent(entry.probability)));
}

function topList(run, side, position, title) {
    const list = run.top(side, position);
    if (!list) return h('p.note', null, 'The top lists are being unpacked …');
    const answer = run.columns.token[position];
    const rows = list.map((entry, i) => listRow(entry, i + 1, entry.token === answer));
    if (!list.some((entry) => entry.token === answer)) {
        const entry = {text: run.tokens[answer], probability: Math.exp(run.columns[`${side}_logp`][position])};
        rows.push(h('tr.gap', null, h('td', {colspan: 4}, '⋮')),
                  listRow(entry, rankText(run.columns[`${side}_rank`][position]), true));
    }
    return h(`table.top.${side}`, null, h('caption', null, title),
             h('colgroup', null, ['place', 'text', 'bar', 'share'].map((name) => h(`col.${name}`))), h('tbody', null, rows));
}

function fact(label, value, title) {
    return h('div', {title}, h('dt', null, label), h('dd', null, value));
}

function divergenceFacts(c, position) {
    return [
        fact('KL(aligned ‖ base)', formatNumber(c.kl_ab[position])),
        fact('KL(base ‖ aligned)', formatNumber(c.kl_ba[position])),
        fact('Jensen–Shannon', formatNumber(c.js[position])),
        fact('total variation', formatNumber(c.tv[position])),
        fact('base entropy', formatNumber(c.base_entropy[position], 2)),
        fact('aligned entropy', formatNumber(c.aligned_entropy[position], 2)),
    ];
}

function boundFacts(c, position) {
    return [
        fact('KL lower bound', formatNumber(c.kl_ab_lower_bound[position]), 'KL(aligned ‖ base) is at least this, nats'),
        fact('total variation', `${formatNumber(c.tv_lower_bound[position])} to ${formatNumber(c.tv_upper_bound[position])}`,
            'It lies between these'),
    ];
}

/** One sentence for those who hear the page. */
export function describe(run, position) {
    const c = run.columns;
    const rank = c.base_rank[position];
    return `Token ${visibleToken(run.token(position))}, ${kClassNames[classOf(rank)]}, base rank ${rankText(rank)}, ` +
        `${run.isBounded ? 'KL at least' : 'KL'} ${formatNumber((c.kl_ab ?? c.kl_ab_lower_bound)[position], 2)} nats; the base model prefers ${visibleToken(run.tokens[c.base_argmax[position]])}`;
}

export function makeInspector({onUnpin, onStep}) {
    const body = h('div.inspector-body');
    const spoken = h('p.visually-hidden', {'aria-live': 'polite'});
    const element = h('aside.inspector', {'aria-label': 'Token details'}, body, spoken);

    function clear() {
        body.replaceChildren(h('div.empty', null,
            h('p', null, h('b', null, 'Point at a token'), ' to see what each model would have said there.'),
            h('p', null, 'Click pins it. Keys: ', h('kbd', null, 'Tab'), ' into an answer, ', h('kbd', null, '←'), ' ', h('kbd', null, '→'),
              ' walk, ', h('kbd', null, 'N'), ' ', h('kbd', null, 'P'), ' next and previous shifted token, ', h('kbd', null, 'Enter'), ' pins, ',
              h('kbd', null, 'Esc'), ' lets go.')));
        element.classList.remove('pinned', 'filled');
    }

    function show(run, answer, position, pinned, severalRuns) {
        const c = run.columns;
        const kind = kClassNames[classOf(c.base_rank[position])];
        body.replaceChildren(
            h('header', null,
                h('code.big', null, visibleToken(run.token(position))),
                h(`span.badge.${kind}`, null, kind),
                h('span.where', null, `${severalRuns ? `${run.label} · ` : ''}token ${position - answer.start + 1} of ${answer.length}`),
                h('span.actions', null,
                    h('button.quiet', {type: 'button', title: 'Previous shifted token (P)', 'aria-label': 'Previous shifted token', onclick: () => onStep(-1)}, '‹'),
                    h('button.quiet', {type: 'button', title: 'Next shifted token (N)', 'aria-label': 'Next shifted token', onclick: () => onStep(1)}, '›'),
                    pinned ? h('button.quiet', {type: 'button', title: 'Let go (Esc)', onclick: onUnpin}, 'unpin') : null)),
            h('div.tops', null, topList(run, 'base', position, 'Base model'), topList(run, 'aligned', position, 'Aligned model')),
            h('dl.facts', null,
                fact('base rank', rankText(c.base_rank[position]), 'Place of this token in the base model’s distribution'),
                fact('aligned rank', rankText(c.aligned_rank[position])),
                fact('log-ratio', formatNumber(c.aligned_logp[position] - c.base_logp[position], 2), 'log p(aligned) − log p(base) of this token, nats'),
                run.isBounded ? boundFacts(c, position) : divergenceFacts(c, position)));
        element.classList.toggle('pinned', pinned);
        element.classList.add('filled');
    }

    clear();
    return {element, clear, show, speak: (text) => spoken.textContent = text};
}
