// The second view: the tokens that alignment shifts most, sortable; a click shows the answers that have them.

import {formatCount, formatNumber, formatPercent, h, visibleToken} from '../page/dom.js';
import {tokenTable} from './statistics.js';

const kPage = 100;
const kColumns = [
    {key: 'text', label: 'token', sort: (a, b) => a.text.localeCompare(b.text), descending: false},
    {key: 'shifted', label: 'shifted', title: 'times it was shifted (base rank beyond 3)'},
    {key: 'marginal', label: 'marginal', title: 'times it was marginal (base rank 2 or 3)'},
    {key: 'count', label: 'all', title: 'times it occurs'},
    {key: 'share', label: 'shifted share', title: 'how much of its occurrences are shifted'},
    {key: 'kl', label: 'mean KL', title: 'mean KL(aligned ‖ base) where it occurs, nats'},
    {key: 'instead', label: 'the base model would rather say', sort: null},
];

function compare(column, descending) {
    const order = column.sort ?? ((a, b) => a[column.key] - b[column.key]);
    return (a, b) => (descending ? order(b, a) : order(a, b)) || b.shifted - a.shifted || b.count - a.count;
}

export function makeTokensView(runs, {onToken}) {
    const tables = new Map();
    const state = {run: runs[0], column: kColumns[1], descending: true, text: '', fewest: 1, shown: kPage};
    const body = h('tbody');
    const status = h('span.status', {role: 'status'});
    const more = h('button', {type: 'button', onclick: () => { state.shown += kPage; render(); }}, 'Show more');

    const headers = kColumns.map((column) => h(column.sort === null || column.key === 'text' ? 'th' : 'th.number', {scope: 'col'},
        column.sort === null ? column.label : h('button.sort', {type: 'button', title: column.title, onclick: () => {
            state.descending = state.column === column ? !state.descending : column.descending ?? true;
            state.column = column;
            render();
        }}, column.label)));

    function row(data) {
        const share = h('span.meter', null, h('span.fill'));
        share.firstChild.style.width = `${100 * data.share}%`;
        return h('tr', null,
            h('td', null, h('button.token', {type: 'button', title: 'Show the answers where it is shifted',
                onclick: () => onToken(state.run, data.text)}, visibleToken(data.text))),
            h('td.number', null, h('b', null, formatCount(data.shifted))),
            h('td.number', null, formatCount(data.marginal)),
            h('td.number', null, formatCount(data.count)),
            h('td.number.share', null, share, h('span.value', null, formatPercent(data.share, 0))),
            h('td.number', null, formatNumber(data.kl, 2)),
            h('td', null, data.instead.map((other) => h('span.instead', null, h('code', null, visibleToken(other.text)),
                h('small', null, ` ×${formatCount(other.times)} `)))));
    }

    function render() {
        if (!tables.has(state.run)) tables.set(state.run, tokenTable(state.run, state.run.answers));
        const wanted = state.text.toLowerCase();
        const rows = tables.get(state.run)
            .filter((data) => data.shifted >= state.fewest && data.text.toLowerCase().includes(wanted))
            .sort(compare(state.column, state.descending));
        body.replaceChildren(...rows.slice(0, state.shown).map(row));
        more.hidden = rows.length <= state.shown;
        status.textContent = `${formatCount(rows.length)} tokens`;
        headers.forEach((header, i) => {
            const order = state.descending ? 'descending' : 'ascending';
            if (kColumns[i] === state.column) header.setAttribute('aria-sort', order);
            else header.removeAttribute('aria-sort');
        });
        for (const button of pills.children) button.setAttribute('aria-pressed', String(button.run === state.run));
    }

    const pills = h('div.pills', {role: 'group', 'aria-label': 'Run', hidden: runs.length < 2}, runs.map((run) => {
        const pill = h('button.pill', {type: 'button', onclick: () => { state.run = run; render(); }}, run.label);
        pill.run = run;
        return pill;
    }));
    const element = h('div.tokens-view', null,
        h('div.toolbar', null, pills,
            h('input', {type: 'search', placeholder: 'Find a token', 'aria-label': 'Find a token',
                oninput: (event) => { state.text = event.target.value; state.shown = kPage; render(); }}),
            h('label', null, 'shifted at least ', h('select', {
                onchange: (event) => { state.fewest = Number(event.target.value); render(); }},
                [1, 2, 5, 10, 50].map((n) => h('option', {value: String(n)}, n)), h('option', {value: '0'}, '0')), ' times'),
            status),
        h('div.card', null, h('table.sortable', null, h('thead', null, h('tr', null, headers)), body), more));
    return {element, render};
}
