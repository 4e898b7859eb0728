// The panel of one position: what each model would have said there, as one chart on one scale, and the numbers. The
// lists of two models stand back to back; of three and more (several runs) side by side.

import {type Child, fill, h} from './dom';
import {classOf, type Entry, type Position, type Side} from './position';
import {formatCount, formatNumber, formatPercent, visibleToken} from './text';

const kMostRows = 14;

export interface InspectorOptions {
    onUnpin(): void;
    /** To the next (1) or previous (-1) shifted token. */
    onStep(step: 1 | -1): void;
    /** Present where a candidate can be clicked: continue from it. */
    onChoose?(entry: Entry): void;
    /** In a panel that shows nothing yet. */
    hint?: Child;
}

export interface ShowOptions {
    pinned?: boolean;
    where?: string;                                    // "token 3 of 200"
    names?: {base: string; aligned: string};
    others?: readonly {name: string; position: Position}[];  // the same token under other base models
    note?: string;                                     // instead of lists that are not there yet
}

export interface Inspector {
    readonly element: HTMLElement;
    show(position: Position, options?: ShowOptions): void;
    clear(): void;
    /** For those who hear the page. */
    speak(text: string): void;
}

interface Column {
    name: string;
    side: Side;
    kind: 'base' | 'aligned';
}

interface Row {
    entry: Entry;
    logps: (number | null)[];   // per column; null: not in its list
    isAnswer: boolean;
}

/** A server that does not say where a token stands beyond its list was asked for 50 at least. */
function rankText(rank: number | null): string {
    return rank === null ? '> 50' : formatCount(rank);
}

function rowsOf(position: Position, columns: readonly Column[]): Row[] {
    const rows = new Map<number, Row>();
    const rowOf = (entry: Entry): Row => {
        const row = rows.get(entry.token) ?? {entry, logps: columns.map(() => null), isAnswer: entry.token === position.token};
        rows.set(entry.token, row);
        return row;
    };
    columns.forEach(({side}, c) => {
        for (const entry of side.top ?? []) rowOf(entry).logps[c] = entry.logp;
        rowOf({token: position.token, text: position.text, logp: side.logp}).logps[c] ??= side.logp;
    });
    const best = (row: Row): number => Math.max(...row.logps.map((logp) => logp ?? -Infinity));
    const sorted = [...rows.values()].sort((a, b) => best(b) - best(a));
    const shown = sorted.slice(0, kMostRows);
    const answer = sorted.find((row) => row.isAnswer);
    return !answer || shown.includes(answer) ? shown : [...shown.slice(0, -1), answer];
}

function barCell({kind}: Column, logp: number | null, isMirrored: boolean): HTMLElement {
    const probability = logp === null ? 0 : Math.exp(logp);
    const bar = h('span.fill');
    bar.style.width = `${100 * probability}%`;
    return h(`td.bar-cell.${kind}${isMirrored ? '.mirrored' : ''}`, null, h('span.meter', null, bar));
}

function numberCell(logp: number | null): HTMLElement {
    return logp === null ? h('td.number.absent', {title: 'not among the candidates that are kept'}, '·')
        : h('td.number', null, formatPercent(Math.exp(logp)));
}

function pieceCell(row: Row, onChoose: InspectorOptions['onChoose']): HTMLElement {
    const text = visibleToken(row.entry.text);
    const label = h('code', null, text);
    if (!onChoose || row.isAnswer) return h('th.piece', {scope: 'row', title: text}, label);
    return h('th.piece', {scope: 'row', title: text},
        h('button.choose', {type: 'button', title: `Continue from “${text}”`, onclick: () => onChoose(row.entry)}, label));
}

/** Rows of candidates; the bars of all columns have one scale, from 0 to 100 %. */
function listTable(position: Position, columns: readonly Column[], onChoose: InspectorOptions['onChoose']): HTMLElement {
    const [left, right] = columns;
    const rows = rowsOf(position, columns).map((row) => {
        const cell = (c: number, mirrored = false): Child[] => [barCell(columns[c], row.logps[c], mirrored), numberCell(row.logps[c])];
        const cells = columns.length === 2
            ? [cell(0, true).reverse(), pieceCell(row, onChoose), cell(1)]
            : [pieceCell(row, onChoose), columns.map((_, c) => cell(c))];
        return h(row.isAnswer ? 'tr.answer' : 'tr', {'aria-current': row.isAnswer ? 'true' : null}, cells);
    });
    const head = (column: Column, mirrored = false): HTMLElement =>
        h(`th.${column.kind}${mirrored ? '.mirrored' : ''}`, {scope: 'colgroup', colspan: 2, title: column.name}, column.name);
    const corner = h('td');
    const heads = columns.length === 2 ? [head(left!, true), corner, head(right!)] : [corner, columns.map((column) => head(column))];
    return h(`table.tops${columns.length === 2 ? '.mirror' : ''}`, {'aria-label': 'Candidates and their probabilities'},
        h('thead', null, h('tr', null, heads)), h('tbody', null, rows));
}

function fact(label: string, value: string, title: string | null = null): HTMLElement {
    return h('div', {title}, h('dt', null, label), h('dd', null, value));
}

function divergenceFacts({kl, klReverse, js, tv, bounds}: Position): Child {
    if (bounds) {
        return [fact('KL lower bound', formatNumber(bounds.kl), 'KL(aligned ‖ base) is at least this, nats'),
                fact('total variation', `${formatNumber(bounds.tvLow)} to ${formatNumber(bounds.tvHigh)}`, 'It lies between these')];
    }
    return [
        fact('KL(aligned ‖ base)', formatNumber(kl), 'nats'),
        klReverse === null ? null : fact('KL(base ‖ aligned)', formatNumber(klReverse), 'nats'),
        js === null ? null : fact('Jensen–Shannon', formatNumber(js), 'nats'),
        tv === null ? null : fact('total variation', formatNumber(tv)),
    ];
}

function facts(position: Position): Child {
    const {base, aligned} = position;
    const entropies = [base.entropy === null ? null : fact('base entropy', formatNumber(base.entropy, 2), 'nats'),
                       !aligned || aligned.entropy === null ? null : fact('aligned entropy', formatNumber(aligned.entropy, 2), 'nats')];
    if (!aligned) {
        return [fact('rank', rankText(base.rank), 'Place of this token among what the model could have said'),
                fact('probability', formatPercent(Math.exp(base.logp), 2)), entropies];
    }
    return [
        fact('base rank', rankText(base.rank), 'Place of this token in the base model’s distribution'),
        fact('aligned rank', rankText(aligned.rank)),
        fact('log-ratio', formatNumber(aligned.logp - base.logp, 2), 'log p(aligned) − log p(base) of this token, nats'),
        divergenceFacts(position), entropies,
    ];
}

/** One sentence about a position. */
export function describePosition(position: Position): string {
    const {base, aligned, kl, bounds} = position;
    const best = base.top?.[0];
    const distance = bounds ? `, KL at least ${formatNumber(bounds.kl, 2)} nats` : kl === null ? '' : `, KL ${formatNumber(kl, 2)} nats`;
    return `Token ${visibleToken(position.text)}, ${classOf(base.rank)}, ${aligned ? 'base rank' : 'rank'} ${rankText(base.rank)}${distance}` +
        (best ? `; the ${aligned ? 'base ' : ''}model prefers ${visibleToken(best.text)}` : '');
}

function makeHint(): Child {
    return [
        h('p', null, h('b', null, 'Point at a token'), ' to see what each model would have said there.'),
        h('p', null, 'Click pins it. Keys: ', h('kbd', null, 'Tab'), ' into an answer, ', h('kbd', null, '←'), ' ', h('kbd', null, '→'), ' walk, ',
          h('kbd', null, 'N'), ' ', h('kbd', null, 'P'), ' next and previous shifted token, ', h('kbd', null, 'Enter'), ' pins, ',
          h('kbd', null, 'Esc'), ' lets go.'),
    ];
}

export function makeInspector({onUnpin, onStep, onChoose, hint = makeHint()}: InspectorOptions): Inspector {
    const body = h('div.inspector-body', {tabindex: 0, role: 'group', 'aria-label': 'Numbers of the token'});
    const spoken = h('p.visually-hidden', {'aria-live': 'polite'});
    const element = h('section.inspector', {'aria-label': 'Token details'}, body, spoken);
    const empty = h('div.empty', null, hint);

    function clear(): void {
        fill(body, empty);
        element.classList.remove('pinned', 'filled');
    }

    function show(position: Position, {pinned = false, where = '', names, others = [], note}: ShowOptions = {}): void {
        const kind = classOf(position.base.rank);
        const columns: Column[] = [
            {name: names?.base ?? (position.aligned ? 'Base model' : 'Model'), side: position.base, kind: 'base'},
            ...others.map(({name, position: {base}}) => ({name, side: base, kind: 'base' as const})),
            ...(position.aligned ? [{name: names?.aligned ?? 'Aligned model', side: position.aligned, kind: 'aligned' as const}] : []),
        ];
        const hasLists = columns.some(({side}) => side.top);
        fill(body,
            h('header', null,
                h('code.big', null, visibleToken(position.text)),
                h(`span.badge.${kind}`, null, kind),
                h('span.where', null, where),
                h('span.actions', null,
                    h('button.quiet', {type: 'button', title: 'Previous shifted token (P)', 'aria-label': 'Previous shifted token', onclick: () => onStep(-1)}, '‹'),
                    h('button.quiet', {type: 'button', title: 'Next shifted token (N)', 'aria-label': 'Next shifted token', onclick: () => onStep(1)}, '›'),
                    pinned ? h('button.quiet', {type: 'button', title: 'Let go (Esc)', onclick: onUnpin}, 'unpin') : null)),
            hasLists ? listTable(position, columns, onChoose) : h('p.note', null, note ?? 'There are no lists of candidates.'),
            h('dl.facts', null, facts(position)));
        element.classList.toggle('pinned', pinned);
        element.classList.add('filled');
    }

    clear();
    return {element, clear, show, speak: (text) => { spoken.textContent = text; }};
}
