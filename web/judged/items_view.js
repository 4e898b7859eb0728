// The second view: every item with its answers side by side, what the judges said and why.

import {CardList} from '../page/card_list.js';
import {formatCount, h, markedText, plainText} from '../page/dom.js';
import {makeRunPicker} from '../page/run_picker.js';
import {aspectNames, outcomeOf, pairItems, readVerdict} from './data.js';
import {facetCounts, hasSeveralJudges, kFacets, kOrders, makeConditions, selectItems} from './item_filter.js';

const kClasses = [null, 'unshifted', 'marginal', 'shifted'];
const kTypingMs = 150;

function verdictBadge({kind, value}, highest) {
    if (kind === 'score') {
        const fill = h('span.fill');
        fill.style.width = `${100 * Math.max(0, Math.min(1, value / highest))}%`;
        return h('span.verdict', null, h('b', null, value), h('span.pips', {'aria-hidden': 'true'}, fill));
    }
    const texts = {not_applicable: () => 'not applicable', unscored: () => `unscored: ${value}`, labels: () => value.join(', '), preference: () => value};
    return h(`span.verdict.${kind}`, null, plainText(texts[kind]()));
}

export class ItemsView {
    /**
     * `shift`: {address, ids}: a page of shift runs (or an empty text) and the items that it has; `shown`: runs side by
     * side at first; `colours`: of loadColours().
     */
    constructor(runs, {shift, shown, colours}) {
        this.runs = runs;
        this.shift = {...shift, ids: new Set(shift.ids)};
        this.items = pairItems(runs);
        this.aspects = aspectNames(runs);
        this.conditions = makeConditions(runs);
        this.shownRuns = runs.slice(0, shown);
        this.colours = colours;
        this.coloured = colours[0] ?? null;
        this.wanted = {text: '', tags: {}, aspect: '', condition: '', id: null, order: ''};
        this.cards = new CardList({
            content: (item) => this.cardContent(item), height: (item) => this.guessHeight(item),
            nothing: 'No item matches. Clear the search or the filters.',
        });
        this.element = h('div.items-view', null, this.makeToolbar(), this.cards.element);
    }

    // The toolbar.

    makeToolbar() {
        this.status = h('span.status', {role: 'status'});
        this.chip = h('button.chip', {type: 'button', hidden: true, title: 'Remove this filter', onclick: () => this.want({id: null})});
        this.search = h('input', {type: 'search', placeholder: 'Search questions, answers, reasons',
            'aria-label': 'Search questions, answers, reasons', oninput: () => {
                clearTimeout(this.typing);
                this.typing = setTimeout(() => this.want({text: this.search.value}), kTypingMs);
            }});
        this.facets = new Map(kFacets.map((facet) => [facet, this.facetPicker(facet)]).filter(([, picker]) => picker));
        this.aspectPicker = this.picker('Aspect', [['', 'any aspect'], ...this.aspects.map((name) => [name, name])], (aspect) => ({aspect}));
        this.conditionPicker = this.picker('Verdict', [['', 'any verdict'], ...Object.entries(this.conditions).map(([name, [title]]) => [name, title])],
                                           (condition) => ({condition}));
        const orders = Object.entries(kOrders)
            .filter(([name]) => (name !== 'runs' || this.runs.length > 1) && (name !== 'judges' || hasSeveralJudges(this.items)));
        this.orderPicker = this.picker('Order', [['', 'in file order'], ...orders.map(([name, [title]]) => [name, title])], (order) => ({order}));
        return h('div.toolbar', null, this.search, [...this.facets.values()], this.aspectPicker, this.conditionPicker, this.orderPicker,
                 this.colourPicker(), makeRunPicker(this), this.chip, this.status);
    }

    picker(label, options, change) {
        const select = h('select', {'aria-label': label, onchange: () => this.want(change(select.value))},
            options.map(([value, title]) => h('option', {value}, plainText(title))));
        return select;
    }

    colourPicker() {
        if (!this.colours.length) return null;
        const names = this.colours.map(({run, base}, i) => [String(i), `${run}: shift against ${base}`]);
        const select = h('select', {'aria-label': 'Colours of tokens', onchange: () => {
            this.coloured = this.colours[select.value] ?? null;
            this.render();
        }}, [...names, ['', 'no colours']].map(([value, title]) => h('option', {value}, plainText(title))));
        return select;
    }

    facetPicker(facet) {
        const counts = facetCounts(this.items, facet);
        if (!counts.length) return null;
        return this.picker(facet, [['', `any ${facet}`], ...counts.map(([tag, count]) => [tag, `${tag} (${formatCount(count)})`])],
                           (tag) => ({tags: {...this.wanted.tags, [facet]: tag}}));
    }

    want(change) {
        Object.assign(this.wanted, change);
        this.render();
    }

    /** One item by its id: where links lead. */
    showOnly(id) {
        this.setFilters({}, '', '', '');
        this.want({id});
    }

    /** All items with a tag, the worst on an aspect first: where a cell of the heat map leads. */
    showGroup(facet, tag, aspect) {
        this.setFilters({[facet]: tag}, aspect, '', 'lowest');
        this.want({id: null});
    }

    setFilters(tags, aspect, condition, order) {
        this.wanted = {...this.wanted, text: '', tags, aspect, condition, order};
        this.search.value = '';
        for (const [facet, picker] of this.facets) picker.value = tags[facet] ?? '';
        this.aspectPicker.value = aspect;
        this.conditionPicker.value = condition;
        this.orderPicker.value = order;
    }

    render() {
        const chosen = selectItems(this.items, this.wanted, this.shownRuns, this.conditions);
        this.chip.hidden = this.wanted.id === null;
        if (this.wanted.id !== null) this.chip.textContent = `item #${plainText(this.wanted.id)} ✕`;
        this.status.textContent = chosen.length === this.items.length
            ? `${formatCount(chosen.length)} items` : `${formatCount(chosen.length)} of ${formatCount(this.items.length)} items`;
        this.cards.show(chosen);
    }

    // The cards.

    guessHeight(item) {
        const own = this.shownRuns.map((run) => item.of[run.index]);
        const longest = Math.max(0, ...own.flatMap(({records}) => records.map((record) => record.answer.output.length)));
        return 220 + Math.min(360, longest / 3) + 60 * this.aspects.length;
    }

    cardContent(item) {
        const tags = ['task', 'topic', 'source', 'difficulty'].flatMap((facet) => item.tags[facet]);
        const sections = [this.scoreSection(item), ...this.shownRuns.flatMap((run) =>
            item.of[run.index].comparisons.map((comparison) => this.comparisonSection(run, comparison)))];
        return [
            h('header', null, h('span.id', null, `#${plainText(item.id)}`), h('p.instruction', {dir: 'auto', tabindex: 0}, this.marked(item.instruction)),
              h('span.tag-list', null, tags.map((tag) => h('span.tag', null, plainText(tag))), this.shiftLink(item))),
            item.follow_ups.map((text) => h('p.follow-up', {dir: 'auto'}, h('small', null, 'then: '), this.marked(text))),
            item.references.length ? h('details', null, h('summary', null, 'reference answer'), item.references.map((text) => h('pre', null, plainText(text)))) : null,
            ...sections,
        ].flat().filter(Boolean);
    }

    shiftLink(item) {
        if (!this.shift.ids.has(item.id)) return null;
        return h('a.shift', {href: `${this.shift.address}#answers/${encodeURIComponent(item.id)}`, rel: 'noreferrer'}, 'token by token →');
    }

    marked(text) {
        return markedText(text, this.wanted.text);
    }

    /** A grid: a column an answer, a row an aspect. */
    scoreSection(item) {
        const columns = this.shownRuns.flatMap((run) => {
            const {answers, comparisons} = item.of[run.index];
            if (!answers.length && comparisons.length) return [];
            return answers.length ? answers.map((answer) => ({run, ...answer})) : [{run, records: []}];
        });
        if (!columns.some((column) => column.records.length)) return null;
        const aspects = this.aspects.filter((aspect) => columns.some(({records}) => records.some((record) => Object.hasOwn(record.verdicts, aspect))));
        const names = columns.map((column) => column.run.label);
        const grid = h('div.verdicts', {role: 'table', 'aria-label': 'Answers and verdicts'},
            this.gridRow('head', '', names, columns.map((column) => this.answerHead(column))),
            this.gridRow('answers-row', 'answer', names, columns.map((column) => this.answerText(column.answer, this.colouredText(column.run, item)))),
            aspects.map((aspect) => this.gridRow('aspect-row', aspect, names, columns.map((column) => this.aspectCell(column, aspect)))),
            this.gridRow('raw-row', '', names, columns.map(({records}) => records.map((record) => this.rawReply(record, records.length > 1 ? `${record.judge}, turn ${record.turn}` : '')))));
        grid.style.setProperty('--columns', columns.length);
        return grid;
    }

    /** `names`: of the columns, shown where they stand one under the other for want of room. */
    gridRow(kind, title, names, cells) {
        return h(`div.row.${kind}`, {role: 'row'}, h('div.row-title', {role: 'rowheader'}, plainText(title)),
                 cells.map((cell, i) => h('div.cell', {role: 'cell', 'data-of': plainText(names[i])}, cell)));
    }

    answerHead({run, generator, records}) {
        if (!records.length) return [h('h3', null, run.label), h('p.note', null, 'This run has no such item.')];
        const judges = [...new Set(records.map((record) => record.judge).filter(Boolean))];
        const by = judges.length ? `judged by ${judges.join(', ')}` : 'not judged';
        const several = this.runs.length > 1;
        return [h('h3', null, plainText(several ? run.label : generator || run.label)),
                h('small', null, plainText(`${several && generator && generator !== run.label ? `${generator} · ` : ''}${by}`))];
    }

    /** The pieces of the run's answer by their class, where it is the one that is coloured. */
    colouredText(run, item) {
        const {coloured} = this;
        return coloured && coloured.run === run.label ? coloured.answers[item.id] : undefined;
    }

    answerText(answer, pieces) {
        if (!answer) return null;
        const content = (text) => text === '' ? h('span.note', null, '(empty)') : this.marked(text);
        const box = (text, parts) => h('div.answer-text', {dir: 'auto', tabindex: 0},
            parts ? parts.map(([found, part]) => h(`span.t.${kClasses[found]}`, null, this.marked(part))) : content(text));
        return [box(answer.output, pieces), (answer.follow_ups ?? []).map((text) => [h('small', null, 'second turn'), box(text)])];
    }

    aspectCell({run, records}, aspect) {
        const entries = records.filter((record) => Object.hasOwn(record.verdicts, aspect));
        const judges = new Set(entries.map((record) => record.judge)).size > 1;
        const turns = new Set(entries.map((record) => record.turn)).size > 1;
        return entries.map((record) => {
            const verdict = readVerdict(record.verdicts[aspect]);
            const about = [judges ? record.judge : '', turns ? `turn ${record.turn}` : ''].filter(Boolean).join(', ');
            return h('div.reading', null, verdictBadge(verdict, run.highest), about ? h('small', null, plainText(about)) : null,
                     h('span.reason', {dir: 'auto'}, this.marked(verdict.reason)));
        });
    }

    /** `about`: which of several replies it is. */
    rawReply(record, about = '') {
        const steering = record.steering?.length ? h('p.steering', null, `The answer looks like an attempt to steer the judge: ${record.steering.join(', ')}.`) : null;
        return [steering, h('details', null,
            h('summary', null, 'raw reply', h('small', null, ` ${plainText([about, record.rubric].filter(Boolean).join(', '))}${record.attempts > 1 ? `, ${record.attempts} requests` : ''}`)),
            h('pre', null, record.reply === '' ? '(none kept)' : plainText(record.reply)))];
    }

    /** Two answers, and per aspect what was preferred in each order. */
    comparisonSection(run, comparison) {
        const {first, second, orders, record} = comparison;
        const names = [first.generator || 'A', second.generator || 'B'];
        const head = (name, answer) => [h('h3', null, plainText(name)), h('small', null, `${formatCount(answer.output.length)} characters`)];
        const grid = h('div.verdicts.pair', {role: 'table', 'aria-label': 'Comparison of two answers'},
            this.gridRow('head', '', names, [head(names[0], first), head(names[1], second)]),
            this.gridRow('answers-row', 'answer', names, [this.answerText(first), this.answerText(second)]),
            [...orders[0].verdicts.keys()].map((aspect) => this.choiceRow(aspect, comparison, names)),
            this.gridRow('raw-row', '', names, orders.map((order) => this.rawReply(order.record, `${names[order.straight ? 0 : 1]} first`))));
        grid.style.setProperty('--columns', 2);
        return h('section', null, h('p.meta', null, plainText(`${run.label} · judged by ${record.judge} · ${orders.length > 1 ? 'both orders' : 'one order'}`)), grid);
    }

    choiceRow(aspect, comparison, names) {
        const outcome = outcomeOf(comparison, aspect);
        const titles = {first: names[0], second: names[1], tie: 'tie', flip: 'tie: flips with the order'};
        const winner = outcome === null ? 'unscored' : titles[outcome];
        const readings = comparison.orders.map((order) => {
            const {choice, reason, verdict} = order.verdicts.get(aspect) ?? {choice: null, reason: '', verdict: {value: 'missing'}};
            const said = choice === null ? `unscored: ${verdict.value}` : titles[choice];
            return h('div.reading', null, h('small', null, plainText(`${names[order.straight ? 0 : 1]} first: ${said}`)),
                     h('span.reason', {dir: 'auto'}, this.marked(reason)));
        });
        return h('div.row.aspect-row.wide', {role: 'row'}, h('div.row-title', {role: 'rowheader'}, plainText(aspect)),
                 h('div.cell', {role: 'cell'}, h(`span.verdict.${outcome ?? 'unscored'}`, null, plainText(winner)), readings));
    }
}
