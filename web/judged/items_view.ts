// The second view: every item with its answers side by side, what the judges said and why.

import {placeOf, type Place} from '../page/address';
import {CardList} from '../page/card_list';
import {type Child, h, markedText, searchField, selectOf} from '../page/dom';
import {type Chip, type FilterButton, makeFilterButton} from '../page/filter_button';
import {kClasses} from '../page/position';
import {printNote} from '../page/print';
import {makeRunPicker, type RunPicker} from '../page/run_picker';
import type {View} from '../page/shell';
import {counted, formatCount, formatNumber} from '../page/text';
import {type Answer, type AnswerColumn, aspectNames, type Breakdown, type Colours, type Comparison, type Item, type JudgedRecord, type JudgedRun,
        kBreakdowns, outcomeOf, pairItems, type Verdict} from './data';
import {type Condition, facetCounts, hasSeveralJudges, kOrders, kParts, makeConditions, mean, scoresOf, selectItems, type Wanted} from './item_filter';
import {makeScoreHistogram} from './score_histogram';

/** A column of a card: `answer` is missing where the run has no such item. */
type Column = {run: JudgedRun} & Partial<AnswerColumn> & {records: JudgedRecord[]};

function verdictBadge({kind, score, text}: Verdict, [low, high]: [number, number]): HTMLElement {
    if (kind !== 'score') return h(`span.verdict.${kind}`, null, text);
    const bar = h('span.fill');
    bar.style.width = `${100 * Math.max(0, Math.min(1, (score - low + 1) / (high - low + 1)))}%`;
    return h('span.verdict', null, h('b', null, score), h('span.pips', {'aria-hidden': 'true'}, bar));
}

interface ItemsOptions {
    shift: {address: string; ids: readonly string[]};  // a page of shift runs (or an empty text) and the items that it has
    shown: number;                                     // runs side by side at first
    colours: readonly Colours[];
}

export class ItemsView implements View {
    readonly title = 'Items';
    readonly element: HTMLElement;
    readonly items: Item[];
    shownRuns: JudgedRun[];
    /** The view shows something else; set by who puts the page together. */
    onMoved: (step: boolean) => void = () => undefined;

    private readonly shiftAddress: string;
    private readonly shiftIds: ReadonlySet<string>;
    private readonly firstShown: number;
    private readonly aspects: string[];
    private readonly conditions: Map<string, Condition>;
    private readonly colours: readonly Colours[];
    private coloured: Colours | null;
    private wanted: Wanted = {text: '', tags: new Map(), aspect: '', condition: '', id: null, order: '', part: ''};
    private readonly cards: CardList<Item>;

    private readonly status = h('span.status', {role: 'status'});
    private readonly filters: FilterButton;
    private readonly partPicker: HTMLSelectElement;
    private readonly histogram = makeScoreHistogram({onChoose: (condition) => this.want({condition})});
    private readonly search: HTMLInputElement;
    private readonly facets: Map<Breakdown, HTMLSelectElement>;
    private readonly aspectPicker: HTMLSelectElement;
    private readonly conditionPicker: HTMLSelectElement;
    private readonly orderPicker: HTMLSelectElement;
    private readonly runPicker: RunPicker;

    constructor(readonly runs: readonly JudgedRun[], {shift, shown, colours}: ItemsOptions) {
        this.shiftAddress = shift.address;
        this.shiftIds = new Set(shift.ids);
        this.firstShown = shown;
        this.items = pairItems(runs);
        this.aspects = aspectNames(runs);
        this.conditions = makeConditions(runs);
        this.shownRuns = runs.slice(0, shown);
        this.colours = colours;
        this.coloured = colours[0] ?? null;
        this.cards = new CardList<Item>({
            name: (item) => `Item ${item.id}`,
            content: (item) => this.cardContent(item), height: (item) => this.guessHeight(item),
            nothing: 'No item matches. Clear the search or the filters.',
        });
        this.search = searchField('Search questions, answers, reasons', (text) => this.want({text}, false));
        this.facets = new Map(kBreakdowns.flatMap((facet) => {
            const picker = this.facetPicker(facet);
            return picker ? [[facet, picker] as const] : [];
        }));
        this.aspectPicker = selectOf('Aspect', [['', 'any aspect'], ...this.aspects.map((name) => [name, name] as const)], (aspect) => this.want({aspect}));
        this.conditionPicker = selectOf('Verdict', [['', 'any verdict'], ...[...this.conditions].map(([name, {title}]) => [name, title] as const)],
                                        (condition) => this.want({condition}));
        const orders = [...kOrders].filter(([name]) => (name !== 'runs' || runs.length > 1) && (name !== 'judges' || hasSeveralJudges(this.items)));
        this.orderPicker = selectOf('Order', [['', 'as they were finished'], ...orders.map(([name, {title}]) => [name, title] as const)], (order) => this.want({order}));
        this.partPicker = selectOf('Search in', kParts, (part) => this.want({part}));
        this.filters = makeFilterButton([...[...this.facets].map(([facet, picker]) => [facet, picker] as const),
            ['aspect', this.aspectPicker], ['verdict', this.conditionPicker], ['search in', this.partPicker]]);
        this.runPicker = makeRunPicker({runs, shown: () => this.shownRuns, onChoose: (shown) => this.showRuns(shown)});
        this.element = h('div.items-view', null, h('h2.visually-hidden', null, 'Items'),
            h('div.toolbar', null, this.search, this.filters.element, this.orderPicker, this.colourPicker(), this.runPicker.element, this.filters.chips,
              this.status),
            this.histogram.element,
            printNote(this.cards, 'item'), this.cards.element);
    }

    // The toolbar.

    private showRuns(shown: JudgedRun[]): void {
        this.shownRuns = shown;
        this.render();
        this.onMoved(true);
    }

    private colourPicker(): HTMLSelectElement | null {
        if (!this.colours.length) return null;
        const names = this.colours.map(({run, base}, i) => [String(i), `${run}: shift against ${base}`] as const);
        return selectOf('Colours of tokens', [...names, ['', 'no colours']], (index) => {
            this.coloured = index === '' ? null : this.colours[Number(index)];
            this.render();
        });
    }

    private facetPicker(facet: Breakdown): HTMLSelectElement | null {
        const counts = facetCounts(this.items, facet);
        if (!counts.length) return null;
        return selectOf(facet, [['', `any ${facet}`], ...counts.map(([tag, count]) => [tag, `${tag} (${formatCount(count)})`] as const)],
                        (tag) => this.want({tags: new Map([...this.wanted.tags, [facet, tag]])}));
    }

    private want(change: Partial<Wanted>, step = true): void {
        this.wanted = {...this.wanted, ...change};
        this.render();
        this.onMoved(step);
    }

    /** The items of some runs with a tag, the worst on an aspect first: where a cell of the heat map leads. */
    showGroup(runs: readonly JudgedRun[], facet: Breakdown, tag: string, aspect: string): void {
        this.shownRuns = [...runs];
        this.want({text: '', tags: new Map([[facet, tag]]), aspect, condition: '', order: 'lowest', id: null});
    }

    place(): Place {
        const {text, tags, aspect, condition, id, order, part} = this.wanted;
        return placeOf(id === null ? [] : [id], {q: text, in: part, ...Object.fromEntries(tags), aspect, verdict: condition, order,
            runs: this.hasDefaultRuns() ? '' : this.shownRuns.map((run) => run.index).join(',')});
    }

    private hasDefaultRuns(): boolean {
        return this.shownRuns.length === Math.min(this.firstShown, this.runs.length) && this.shownRuns.every((run, i) => run === this.runs[i]);
    }

    open({parts, filters}: Place): void {
        const of = (name: string): string => filters.get(name) ?? '';
        const chosen = of('runs').split(',').filter((index) => index !== '').map((index) => this.runs[Number(index)]);
        this.shownRuns = chosen.some(Boolean) ? this.runs.filter((run) => chosen.includes(run)) : this.runs.slice(0, this.firstShown);
        this.wanted = {text: of('q'), tags: new Map(kBreakdowns.flatMap((facet) => filters.has(facet) ? [[facet, of(facet)] as const] : [])),
                       aspect: of('aspect'), condition: of('verdict'), order: of('order'), id: parts[0] ?? null, part: of('in')};
        this.render();
    }

    render(): void {
        const {text, tags, aspect, condition, order, part} = this.wanted;
        if (this.search.value !== text) this.search.value = text;
        for (const [facet, picker] of this.facets) picker.value = tags.get(facet) ?? '';
        this.aspectPicker.value = aspect;
        this.conditionPicker.value = condition;
        this.orderPicker.value = order;
        this.partPicker.value = part;
        this.runPicker.update();
        this.filters.update(this.chipsOf());
        const chosen = selectItems(this.items, this.wanted, this.shownRuns, this.conditions);
        this.status.textContent = chosen.length === this.items.length
            ? counted(chosen.length, 'item') : `${formatCount(chosen.length)} of ${counted(this.items.length, 'item')}`;
        this.histogram.update(condition.startsWith('=') ? selectItems(this.items, {...this.wanted, condition: '', order: ''}, this.shownRuns, this.conditions) : chosen,
                              this.shownRuns, aspect, condition);
        this.cards.show(chosen);
    }

    private chipsOf(): Chip[] {
        const {tags, aspect, condition, id, part} = this.wanted;
        const chips: Chip[] = [];
        const add = (label: string, change: Partial<Wanted>): void => { chips.push({label, onRemove: () => this.want(change)}); };
        if (id !== null) add(`item #${id}`, {id: null});
        for (const [facet, tag] of tags) if (tag) add(`${facet}: ${tag}`, {tags: new Map([...tags].filter(([other]) => other !== facet))});
        if (aspect) add(`aspect: ${aspect}`, {aspect: ''});
        if (condition) add(this.conditions.get(condition)?.title ?? condition, {condition: ''});
        if (part) add(`search in ${part}`, {part: ''});
        return chips;
    }

    // The cards.

    private guessHeight(item: Item): number {
        const own = this.shownRuns.map((run) => item.of[run.index]);
        const longest = Math.max(0, ...own.flatMap(({records}) => records.map((record) => record.answer.output.length)));
        return 220 + Math.min(360, longest / 3) + 60 * this.aspects.length;
    }

    private cardContent(item: Item): Child[] {
        const tags = kBreakdowns.flatMap((facet) => item.tags[facet]);
        return [
            h('header', null, h('span.id', null, `#${item.id}`),
              h('p.instruction', {dir: 'auto', tabindex: 0, role: 'group', 'aria-label': 'Question'}, this.marked(item.instruction)),
              h('span.tag-list', null, tags.map((tag) => h('span.tag', null, tag)), this.shiftLink(item))),
            item.follow_ups.map((text) => h('p.follow-up', {dir: 'auto'}, h('small', null, 'then: '), this.marked(text))),
            item.references.length ? h('details', null, h('summary', null, 'reference answer'), item.references.map((text) => h('pre', null, text))) : null,
            this.scoreSection(item),
            this.shownRuns.map((run) => item.of[run.index].comparisons.map((comparison) => this.comparisonSection(run, comparison))),
        ];
    }

    private shiftLink(item: Item): HTMLElement | null {
        if (!this.shiftIds.has(item.id)) return null;
        return h('a.shift', {href: `${this.shiftAddress}#answers/${encodeURIComponent(item.id)}`, rel: 'noreferrer'}, 'token by token →');
    }

    private marked(text: string): Child[] {
        return markedText(text, this.wanted.text);
    }

    /** A grid: a column an answer, a row an aspect. */
    private scoreSection(item: Item): HTMLElement | null {
        const columns = this.shownRuns.flatMap((run): Column[] => {
            const {answers, comparisons} = item.of[run.index];
            if (!answers.length && comparisons.length) return [];
            return answers.length ? answers.map((answer) => ({run, ...answer})) : [{run, records: []}];
        });
        if (!columns.some((column) => column.records.length)) return null;
        const aspects = this.aspects.filter((aspect) => columns.some(({records}) => records.some((record) => record.verdicts.has(aspect))));
        const names = columns.map((column) => column.run.label);
        const grid = h('div.verdicts', {role: 'table', 'aria-label': 'Answers and verdicts', tabindex: 0},
            this.gridRow('head', '', names, columns.map((column) => this.answerHead(column))),
            aspects.length > 1 ? this.gridRow('strip-row', 'scores', names, columns.map((column) => this.scoreStrip(column, aspects))) : null,
            this.gridRow('answers-row', 'answer', names, columns.map((column) => this.answerText(column.answer, this.colouredText(column.run, item)))),
            aspects.map((aspect) => this.gridRow('aspect-row', aspect, names, columns.map((column) => this.aspectCell(column, aspect)))),
            this.gridRow('raw-row', '', names, columns.map(({records}) => records.map((record) => this.rawReply(record, records.length > 1 ? `${record.judge}, turn ${record.turn}` : '')))));
        grid.style.setProperty('--columns', String(columns.length));
        return grid;
    }

    /** `names`: of the columns, shown where they stand one under the other for want of room. */
    private gridRow(kind: string, title: string, names: readonly string[], cells: readonly Child[]): HTMLElement {
        return h(`div.row.${kind}`, {role: 'row'}, h('div.row-title', {role: 'rowheader'}, title || h('span.visually-hidden', null, kind.replace('-row', ''))),
                 cells.map((cell, i) => h('div.cell', {role: 'cell', 'data-of': names[i]}, cell)));
    }

    private answerHead({run, generator = '', records}: Column): Child {
        if (!records.length) return [h('h3', null, run.label), h('p.note', null, 'This run has no such item.')];
        const judges = [...new Set(records.map((record) => record.judge).filter(Boolean))];
        const by = judges.length ? `judged by ${judges.join(', ')}` : 'not judged';
        const several = this.runs.length > 1;
        return [h('h3', null, several ? run.label : generator || run.label),
                h('small', null, `${several && generator && generator !== run.label ? `${generator} · ` : ''}${by}`)];
    }

    /** All scores of an answer at one glance, darker where they are higher; means where several judges spoke. */
    private scoreStrip({run: {scale: [low, high]}, records}: Column, aspects: readonly string[]): Child {
        if (!records.length) return null;
        return h('div.score-strip', null, aspects.map((aspect) => {
            const value = mean(scoresOf(records, aspect));
            const cell = h('span.score-cell', {title: `${aspect}: ${Number.isNaN(value) ? 'no score' : formatNumber(value, 2)}`},
                h('small', null, aspect), h('b', null, Number.isNaN(value) ? '–' : String(Number(value.toFixed(1)))));
            if (!Number.isNaN(value)) cell.style.setProperty('--heat', ((value - low) / Math.max(1, high - low)).toFixed(3));
            return cell;
        }));
    }

    /** The pieces of the run's answer by their class, where it is the one that is coloured. */
    private colouredText(run: JudgedRun, item: Item): [number, string][] | undefined {
        const pieces = this.coloured?.run === run.label ? this.coloured.answers.get(item.id) : undefined;
        const output = item.of[run.index].answers[0]?.answer.output.trim();
        // The id alone may be that of another question.
        return pieces && output && pieces.map(([, text]) => text).join('').includes(output) ? pieces : undefined;
    }

    private answerText(answer: Answer | undefined, pieces?: readonly [number, string][]): Child {
        if (!answer) return null;
        const content = (text: string): Child => text === '' ? h('span.note', null, '(empty)') : this.marked(text);
        const box = (text: string, parts?: readonly [number, string][]): HTMLElement =>
            h('div.answer-text', {dir: 'auto', tabindex: 0, role: 'group', 'aria-label': 'Answer'},
              parts ? parts.map(([found, part]) => h(`span.t.${kClasses[found - 1]}`, null, this.marked(part))) : content(text));
        return [box(answer.output, pieces), (answer.follow_ups ?? []).map((text) => [h('small', null, 'second turn'), box(text)])];
    }

    private aspectCell({run, records}: Column, aspect: string): Child {
        const entries = records.flatMap((record) => {
            const verdict = record.verdicts.get(aspect);
            return verdict ? [{record, verdict}] : [];
        });
        const judges = new Set(entries.map(({record}) => record.judge)).size > 1;
        const turns = new Set(entries.map(({record}) => record.turn)).size > 1;
        return entries.map(({record, verdict}) => {
            const about = [judges ? record.judge : '', turns ? `turn ${record.turn}` : ''].filter(Boolean).join(', ');
            return h('div.reading', null, verdictBadge(verdict, run.scale), about ? h('small', null, about) : null,
                     h('span.reason', {dir: 'auto'}, this.marked(verdict.reason)));
        });
    }

    /** `about`: which of several replies it is. */
    private rawReply(record: JudgedRecord, about = ''): Child {
        const steering = record.steering.length ? h('p.steering', null, `The answer looks like an attempt to steer the judge: ${record.steering.join(', ')}.`) : null;
        return [steering, h('details', null,
            h('summary', null, 'raw reply', h('small', null, ` ${[about, record.rubric].filter(Boolean).join(', ')}${record.attempts > 1 ? `, ${record.attempts} requests` : ''}`)),
            h('pre', {tabindex: 0}, record.reply === '' ? '(none kept)' : record.reply))];
    }

    /** Two answers, and per aspect what was preferred in each order. */
    private comparisonSection(run: JudgedRun, comparison: Comparison): HTMLElement {
        const {first, second, orders, record} = comparison;
        const names: [string, string] = [first.generator || 'A', second.generator || 'B'];
        const head = (name: string, answer: Answer): Child => [h('h3', null, name), h('small', null, counted(answer.output.length, 'character'))];
        const grid = h('div.verdicts.pair', {role: 'table', 'aria-label': 'Comparison of two answers', tabindex: 0},
            this.gridRow('head', '', names, [head(names[0], first), head(names[1], second)]),
            this.gridRow('answers-row', 'answer', names, [this.answerText(first), this.answerText(second)]),
            [...orders[0].choices.keys()].map((aspect) => this.choiceRow(aspect, comparison, names)),
            this.gridRow('raw-row', '', names, orders.map((order) => this.rawReply(order.record, `${names[order.straight ? 0 : 1]} first`))));
        grid.style.setProperty('--columns', '2');
        return h('section', null, h('p.meta', null, `${run.label} · judged by ${record.judge} · ${orders.length > 1 ? 'both orders' : 'one order'}`), grid);
    }

    private choiceRow(aspect: string, comparison: Comparison, names: readonly [string, string]): HTMLElement {
        const outcome = outcomeOf(comparison, aspect);
        const titles = {first: names[0], second: names[1], tie: 'tie', flip: 'tie: flips with the order'};
        const readings = comparison.orders.map((order) => {
            const said = order.choices.get(aspect);
            const text = !said ? 'unscored: missing' : said.choice === null ? said.verdict.text : titles[said.choice];
            return h('div.reading', null, h('small', null, `${names[order.straight ? 0 : 1]} first: ${text}`),
                     h('span.reason', {dir: 'auto'}, this.marked(said?.verdict.reason ?? '')));
        });
        return h('div.row.aspect-row.wide', {role: 'row'}, h('div.row-title', {role: 'rowheader'}, aspect),
                 h('div.cell', {role: 'cell'}, h(`span.verdict.${outcome ?? 'unscored'}`, null, outcome === null ? 'unscored' : titles[outcome]), readings));
    }
}
