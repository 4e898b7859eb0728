// The second view: the tokens that alignment shifts most, sortable; a click shows the answers that have them.

import {placeOf} from '../page/address';
import {fill, h, selectOf} from '../page/dom';
import type {View} from '../page/shell';
import {formatCount, formatNumber, formatPercent, visibleToken} from '../page/text';
import type {Run} from './data';
import {type TokenRow, tokenTable} from './statistics';

const kPage = 100;
const kFewest = [1, 2, 5, 10, 50, 0];

interface Column {
    key: keyof TokenRow;
    label: string;
    title?: string;
    compare: ((a: TokenRow, b: TokenRow) => number) | null;  // null: cannot be sorted by
    isText?: boolean;
}

const byNumber = (key: 'shifted' | 'marginal' | 'count' | 'share' | 'kl') => (a: TokenRow, b: TokenRow): number =>
    (Number.isNaN(a[key]) ? -1 : a[key]) - (Number.isNaN(b[key]) ? -1 : b[key]);

const kColumns: readonly Column[] = [
    {key: 'text', label: 'token', compare: (a, b) => a.text.localeCompare(b.text), isText: true},
    {key: 'shifted', label: 'shifted', title: 'times it was shifted (base rank beyond 3)', compare: byNumber('shifted')},
    {key: 'marginal', label: 'marginal', title: 'times it was marginal (base rank 2 or 3)', compare: byNumber('marginal')},
    {key: 'count', label: 'all', title: 'times it occurs', compare: byNumber('count')},
    {key: 'share', label: 'shifted share', title: 'how much of its occurrences are shifted', compare: byNumber('share')},
    {key: 'kl', label: 'mean KL', title: 'mean KL(aligned ‖ base) where it occurs, nats', compare: byNumber('kl')},
    {key: 'instead', label: 'the base model would rather say', compare: null, isText: true},
];
const kDefault = kColumns[1];

interface State {
    run: Run;
    column: Column;
    descending: boolean;
    text: string;
    fewest: number;
    shown: number;
}

function sorted(rows: readonly TokenRow[], {column, descending, text, fewest}: State): TokenRow[] {
    const wanted = text.toLowerCase();
    const order = column.compare ?? (() => 0);
    return rows.filter((row) => row.shifted >= fewest && row.text.toLowerCase().includes(wanted))
        .sort((a, b) => (descending ? order(b, a) : order(a, b)) || b.shifted - a.shifted || b.count - a.count);
}

/** `onToken`: answers with this token are wanted; `onMoved`: the table shows something else. */
export function makeTokensView(runs: readonly Run[], {onToken, onMoved}: {onToken(run: Run, text: string): void; onMoved(): void}): View {
    const tables = new Map<Run, TokenRow[]>();
    const state: State = {run: runs[0], column: kDefault, descending: true, text: '', fewest: 1, shown: kPage};
    const body = h('tbody');
    const status = h('span.status', {role: 'status'});
    const change = (changed: Partial<State>): void => {
        Object.assign(state, changed);
        render();
        onMoved();
    };
    const more = h('button.more', {type: 'button', onclick: () => { state.shown += kPage; render(); }}, 'Show more');
    const search = h('input', {type: 'search', placeholder: 'Find a token', 'aria-label': 'Find a token',
        oninput: () => change({text: search.value, shown: kPage})});
    const fewest = selectOf('Shifted at least so many times', kFewest.map((n) => [String(n), String(n)] as const), (n) => change({fewest: Number(n)}));

    const headers = kColumns.map((column) => h(column.isText ? 'th' : 'th.number', {scope: 'col'},
        !column.compare ? column.label : h('button.sort', {type: 'button', title: column.title, onclick: () => change({
            descending: state.column === column ? !state.descending : !column.isText, column,
        })}, column.label)));

    function row(data: TokenRow): HTMLElement {
        const share = h('span.fill');
        share.style.width = `${100 * data.share}%`;
        return h('tr', null,
            h('td', null, h('button.token', {type: 'button', title: 'Show the answers where it is shifted',
                onclick: () => onToken(state.run, data.text)}, visibleToken(data.text))),
            h('td.number', null, h('b', null, formatCount(data.shifted))),
            h('td.number', null, formatCount(data.marginal)),
            h('td.number', null, formatCount(data.count)),
            h('td.number.share', null, h('span.meter', null, share), h('span.value', null, formatPercent(data.share, 0))),
            h('td.number', null, formatNumber(data.kl, 2)),
            h('td', null, data.instead.map((other) => h('span.instead', null, h('code', null, visibleToken(other.text)),
                h('small', null, ` ×${formatCount(other.times)} `)))));
    }

    const pills = runs.map((run) => h('button.pill', {type: 'button', onclick: () => change({run})}, run.label));

    function render(): void {
        if (!tables.has(state.run)) tables.set(state.run, tokenTable(state.run, state.run.answers));
        const rows = sorted(tables.get(state.run)!, state);
        fill(body, rows.slice(0, state.shown).map(row));
        more.hidden = rows.length <= state.shown;
        status.textContent = rows.length > state.shown ? `${formatCount(state.shown)} of ${formatCount(rows.length)} tokens` : `${formatCount(rows.length)} tokens`;
        headers.forEach((header, i) => {
            if (kColumns[i] === state.column) header.setAttribute('aria-sort', state.descending ? 'descending' : 'ascending');
            else header.removeAttribute('aria-sort');
        });
        if (search.value !== state.text) search.value = state.text;
        fewest.value = String(state.fewest);
        pills.forEach((pill, i) => pill.setAttribute('aria-pressed', String(runs[i] === state.run)));
    }

    const element = h('div.tokens-view', null, h('h2.visually-hidden', null, 'Shifted tokens'),
        h('div.toolbar', null, h('div.pills', {role: 'group', 'aria-label': 'Run', hidden: runs.length < 2}, pills), search,
            h('label', null, 'shifted at least ', fewest, ' times'), status),
        h('div.card', null, h('div.scroll', {tabindex: 0, role: 'region', 'aria-label': 'Table of tokens'},
            h('table.sortable', null, h('thead', null, h('tr', null, headers)), body)), more));
    return {
        title: 'Shifted tokens', element,
        place: () => placeOf([], {
            q: state.text, sort: state.column === kDefault ? '' : state.column.key, up: state.descending ? '' : '1',
            fewest: state.fewest === 1 ? '' : String(state.fewest), run: state.run === runs[0] ? '' : String(state.run.index),
        }),
        open({filters}) {
            const fewestWanted = Number(filters.get('fewest') ?? 1);
            Object.assign(state, {
                text: filters.get('q') ?? '', column: kColumns.find(({key, compare}) => compare && key === filters.get('sort')) ?? kDefault,
                descending: !filters.has('up'), fewest: kFewest.includes(fewestWanted) ? fewestWanted : 1,
                run: runs[Number(filters.get('run') ?? 0)] ?? runs[0],
            } satisfies Partial<State>);
            render();
        },
    };
}
