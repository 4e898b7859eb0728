// The third view: every answer with its tokens coloured by class.

import {placeOf, type Place} from '../page/address';
import {CardList, type Later} from '../page/card_list';
import {saveButtons} from '../page/chart_card';
import {type Child, fill, h, markedText, searchField, selectOf} from '../page/dom';
import {describePosition, makeInspector} from '../page/inspector';
import {kClasses, type Position} from '../page/position';
import {printNote} from '../page/print';
import {makeRunPicker, type RunPicker} from '../page/run_picker';
import type {View} from '../page/shell';
import {counted, formatCount, formatNumber, visibleToken} from '../page/text';
import {type Colouring, colouringScale, makeTokenStrip, type StripToken, type TokenStrip} from '../page/token_strip';
import {answerPicture} from './answer_picture';
import {conflictingIds, type Item, orderChoices, pairAnswers, searchHits, selectAnswers, type Wanted} from './answer_filter';
import type {Answer, Run} from './data';
import {type KlCurve, makeKlCurve} from './kl_curve';
import {shareBar} from './share_bar';
import {classCounts, meanKl, tagCounts} from './statistics';

const kCharactersPerLine = 95;
const kLineHeight = 29;   // px, as in report.css
const kCardChrome = 120;  // px: instruction, share bar, padding
const kMostColumns = 3;   // side by side at first

const kHints = ['the base model’s first choice', 'its second or third choice', 'none of its first three choices'];

/** A token of an answer that is on the screen. */
interface Spot {
    item: Item;
    run: Run;
    answer: Answer;
    shown: ShownAnswer;
    index: number;
}

/** An answer that is on the screen. */
interface ShownAnswer {
    strip: TokenStrip;
    curve: KlCurve;
}

function estimateLines(tokens: number, columns: number): number {
    return Math.ceil(tokens * 4.6 / (kCharactersPerLine / columns));
}

function estimateHeight(item: Item, columns: number): number {
    const longest = Math.max(...item.of.map((answer) => answer ? answer.length : 0));
    return kCardChrome + estimateLines(longest, columns) * kLineHeight;
}

function stripTokens(run: Run, answer: Answer): StripToken[] {
    return Array.from({length: answer.length}, (_, i) => run.stripToken(answer.start + i));
}

export class AnswersView implements View {
    readonly title = 'Answers';
    readonly element: HTMLElement;
    readonly items: Item[];
    shownRuns: Run[];
    /** The view shows something else; set by who puts the page together. */
    onMoved: (step: boolean) => void = () => undefined;

    private readonly wanted: Wanted = {text: '', tag: '', token: null, id: null, order: ''};
    private colouring: Colouring = 'class';
    private readonly cards: CardList<Item>;
    private readonly shown = new Map<Item, Map<Run, ShownAnswer>>();
    private current: Spot | null = null;
    private isPinned = false;
    private readonly inspector = makeInspector({onUnpin: () => this.unpin(true), onStep: (step) => this.stepShifted(step)});

    private readonly status = h('span.status', {role: 'status'});
    private readonly chips = h('span.chips');
    private readonly scale = h('span.scale-slot');
    private readonly search: HTMLInputElement;
    private readonly tagPicker: HTMLSelectElement;
    private readonly orderPicker: HTMLSelectElement;
    private readonly colourPicker: HTMLSelectElement;
    private readonly runPicker: RunPicker;

    constructor(readonly runs: readonly Run[]) {
        this.items = pairAnswers(runs);
        this.shownRuns = runs.slice(0, kMostColumns);
        this.cards = new CardList<Item>({
            name: (item) => `Answer ${item.id}`,
            content: (item, later) => this.cardContent(item, later), height: (item) => estimateHeight(item, this.shownRuns.length),
            keep: (card) => card.querySelector('.pin') !== null,
            nothing: 'No answer matches. Clear the search or the filters.',
        });
        this.search = searchField('Search instructions and answers', (text) => this.want({text}, false));
        const isBounded = runs.some((run) => run.isBounded);
        const tags = tagCounts(runs);
        this.tagPicker = selectOf('Tag', [['', 'all tags'], ...tags.map(([tag, count]): [string, string] => [tag, `${tag} (${formatCount(count)})`])],
                                  (tag) => this.want({tag}));
        this.orderPicker = selectOf('Order', orderChoices(!isBounded), (order) => this.want({order}));
        this.colourPicker = selectOf('Colour', [['class', 'colour: class'], ['kl', isBounded ? 'colour: KL, or its lower bound' : 'colour: KL'],
            ['surprise', 'colour: 1 − base probability']], (colouring) => {
            this.colouring = colouring as Colouring;
            this.render();
            this.onMoved(true);
        });
        this.runPicker = makeRunPicker({runs, shown: () => this.shownRuns, onChoose: (shown) => this.showRuns(shown)});
        const conflicts = conflictingIds(this.items);
        this.element = h('div.answers-view', null, h('h2.visually-hidden', null, 'Answers'),
            h('div.toolbar', null, this.search, this.makeLegend(), tags.length ? this.tagPicker : null, this.orderPicker, this.colourPicker, this.scale,
              this.runPicker.element, this.chips, this.status),
            conflicts ? h('p.note.conflicts', null, `${counted(conflicts, 'id')} stand${conflicts === 1 ? 's' : ''} for different questions in different runs: ` +
                'such answers are not shown side by side.') : null,
            printNote(this.cards, 'answer'), h('div.split', null, this.cards.element, this.inspector.element));
        this.element.addEventListener('keydown', (event) => {
            if (event.key === 'Escape' && this.isPinned) this.unpin(true);
        });
    }

    /** The legend is the filter: a class that is switched off fades into the text. */
    private makeLegend(): HTMLElement {
        const totals = [0, 0, 0];
        for (const run of this.runs) for (const answer of run.answers) classCounts(run, answer).forEach((n, i) => { totals[i] += n; });
        return h('div.legend', {role: 'group', 'aria-label': 'Classes shown'}, kClasses.map((name, i) => {
            const button = h('button.toggle', {type: 'button', 'aria-pressed': 'true', title: `${kHints[i]}; click to fade or show`, onclick: () => {
                const off = this.cards.element.classList.toggle(`without-${name}`);
                button.setAttribute('aria-pressed', String(!off));
            }}, h(`span.sample.t.${name}`, null, name), h('small', null, ` ${formatCount(totals[i])}`));
            return button;
        }));
    }

    // What is shown, and where it stands in the address.

    private want(change: Partial<Wanted>, step = true): void {
        Object.assign(this.wanted, change);
        this.render();
        this.onMoved(step);
    }

    private showRuns(shown: Run[]): void {
        this.shownRuns = shown;
        this.render();
        this.onMoved(true);
    }

    filterByToken(run: Run, text: string): void {
        if (!this.shownRuns.includes(run)) this.shownRuns = [run];
        this.want({token: {run, text}, id: null, text: '', tag: ''});
    }

    filterByTag(tag: string): void {
        this.want({tag, id: null, token: null, text: ''});
    }

    place(): Place {
        const {text, tag, token, id, order} = this.wanted;
        const spot = this.isPinned ? this.current : null;
        return placeOf(spot ? [spot.item.id, spot.index + 1] : id !== null ? [id] : [], {
            q: text, tag, order, token: token?.text ?? '', 'token-run': token && this.runs.length > 1 ? String(token.run.index) : '',
            colour: this.colouring === 'class' ? '' : this.colouring,
            runs: this.hasDefaultRuns() ? '' : this.shownRuns.map((run) => run.index).join(','),
            run: spot && spot.run !== this.shownRuns[0] ? String(spot.run.index) : '', list: spot && id === null ? '1' : '',
        });
    }

    private hasDefaultRuns(): boolean {
        return this.shownRuns.length === Math.min(kMostColumns, this.runs.length) && this.shownRuns.every((run, i) => run === this.runs[i]);
    }

    open({parts, filters}: Place): void {
        const of = (name: string): string => filters.get(name) ?? '';
        const run = (name: string): Run | undefined => filters.has(name) ? this.runs[Number(of(name))] : undefined;
        const [id, position] = parts;
        const chosen = of('runs').split(',').flatMap((index) => index !== '' && this.runs[Number(index)] ? [this.runs[Number(index)]] : []);
        this.shownRuns = chosen.length ? this.runs.filter((one) => chosen.includes(one)) : this.runs.slice(0, kMostColumns);
        this.colouring = (['kl', 'surprise'] as const).find((name) => name === of('colour')) ?? 'class';
        Object.assign(this.wanted, {
            text: of('q'), tag: of('tag'), order: of('order'), id: id !== undefined && !of('list') ? id : null,
            token: filters.has('token') ? {run: run('token-run') ?? this.runs[0], text: of('token')} : null,
        } satisfies Wanted);
        this.render();
        if (id !== undefined && position !== undefined) this.pinAt(id, Number(position) - 1, run('run') ?? this.shownRuns[0]);
    }

    private pinAt(id: string, index: number, run: Run): void {
        const card = this.cards.cardOf((item) => item.id === id && item.of[run.index] !== null);
        const item = this.cards.items().find((one) => one.id === id && one.of[run.index] !== null);
        const shown = item && this.shown.get(item)?.get(run);
        if (!item || !card || !shown?.strip.tokenElement(index)) return;
        this.look({item, run, answer: item.of[run.index]!, shown, index}, true);
        requestAnimationFrame(() => shown.strip.tokenElement(index)?.scrollIntoView({block: 'center'}));
    }

    render(): void {
        const {token, id, text, tag, order} = this.wanted;
        this.unpin(false);
        if (this.search.value !== text) this.search.value = text;
        this.tagPicker.value = tag;
        this.orderPicker.value = order;
        this.colourPicker.value = this.colouring;
        this.runPicker.update();
        const chip = (label: string, change: Partial<Wanted>): HTMLElement =>
            h('button.chip', {type: 'button', title: 'Remove this filter', onclick: () => this.want(change)}, `${label} ✕`);
        const where = this.runs.length > 1 && token ? ` in ${token.run.label}` : '';
        fill(this.chips, id !== null ? chip(`answer #${visibleToken(id)}`, {id: null}) : null,
             token ? chip(`${visibleToken(token.text)} shifted${where}`, {token: null}) : null);
        fill(this.scale, colouringScale(this.colouring, this.runs.some((run) => run.isBounded)));
        const chosen = selectAnswers(this.runs, this.items, this.wanted);
        this.status.textContent = chosen.length === this.items.length
            ? counted(chosen.length, 'answer') : `${formatCount(chosen.length)} of ${counted(this.items.length, 'answer')}`;
        this.shown.clear();
        this.cards.show(chosen);
    }

    // The cards.

    private cardContent(item: Item, later: Later): Child[] {
        this.shown.set(item, new Map());
        return [
            h('header', null, h('span.id', null, `#${item.id}`),
              h('p.instruction', {dir: 'auto', tabindex: 0, role: 'group', 'aria-label': 'Instruction'}, markedText(item.instruction, this.wanted.text)),
              item.tags.length ? h('span.tag-list', null, item.tags.map((tag) => h('span.tag', null, tag))) : null),
            h('div.columns', null, this.shownRuns.map((run) => this.answerColumn(item, run, later))),
        ];
    }

    private answerColumn(item: Item, run: Run, later: Later): HTMLElement {
        const title = this.runs.length > 1 ? h('h3', null, run.label) : null;
        const answer = item.of[run.index];
        if (!answer) return h('div.column', null, title, h('p.note', null, 'This run has no such answer.'));
        const counts = classCounts(run, answer);
        const shares = counts.map((n) => n / answer.length);
        const {strip, curve} = this.showAnswer(item, run, answer, later);
        return h('div.column', null, title, h('div.meta', null, shareBar(shares, true),
            h('span', null, `${formatCount(counts[2])} shifted of ${formatCount(answer.length)}` +
                (run.isBounded ? '' : ` · mean KL ${formatNumber(meanKl(run, answer), 2)}`)),
            saveButtons(`answer ${answer.id}`, `answer-${answer.id.replace(/[^\w.-]+/g, '_')}`,
                        () => answerPicture(item.instruction, run.label, stripTokens(run, answer), shares))),
            answer.length > 1 ? curve.element : null, strip.element);
    }

    private showAnswer(item: Item, run: Run, answer: Answer, later: Later): ShownAnswer {
        const spotAt = (index: number): Spot => ({item, run, answer, shown, index});
        const strip = makeTokenStrip({
            onHover: (index, by) => {
                if (index === null || this.isPinned) return;
                this.look(spotAt(index), false);
                if (by === 'keyboard') this.inspector.speak(describePosition(run.position(answer.start + index)));
            },
            onPin: (index) => this.togglePin(spotAt(index)),
            onStep: (index) => { if (this.isPinned) this.pin(spotAt(index)); },
            colouring: this.colouring,
        });
        const tokens = stripTokens(run, answer);
        const curve = makeKlCurve(tokens.map(({kl, bounds}) => kl ?? bounds?.kl ?? NaN), run.isBounded ? 'lower bound of the KL' : 'KL', (index) => {
            strip.tokenElement(index)?.scrollIntoView({block: 'nearest'});
            this.pin(spotAt(index));
        });
        const shown = {strip, curve};
        strip.element.setAttribute('aria-label', `Answer ${visibleToken(answer.id)}, ${counted(answer.length, 'token')}`);
        strip.element.style.minHeight = `${estimateLines(answer.length, this.shownRuns.length) * kLineHeight}px`;
        later(() => {
            strip.setPositions(tokens);
            strip.setHits(this.hitsOf(run, answer));
            strip.element.style.minHeight = '';
        });
        this.shown.get(item)!.set(run, shown);
        return shown;
    }

    /** Tokens that the search has found, and shifted ones that the filter wants. */
    private hitsOf(run: Run, answer: Answer): Set<number> {
        const {token, text} = this.wanted;
        const hits = searchHits(run, answer, text);
        for (let i = 0; token?.run === run && i < answer.length; ++i) {
            if (run.token(answer.start + i) === token.text && run.columns.base_rank[answer.start + i] > 3) hits.add(i);
        }
        return hits;
    }

    // What the panel shows: the pinned token, else the one under the pointer or in focus.

    private look(spot: Spot, pinned: boolean): void {
        this.unmark();
        this.current = spot;
        this.isPinned = pinned;
        spot.shown.strip.mark('looked', spot.index);
        if (pinned) spot.shown.strip.mark('pin', spot.index);
        for (const [run, {strip, curve}] of this.shown.get(spot.item) ?? []) {
            if (spot.index < strip.length) curve.mark(spot.index);
            if (run !== spot.run) strip.mark('twin', spot.index);
        }
        this.showCurrent();
        const unpacked = this.shownRuns.filter((run) => !run.hasTopLists).map((run) => run.loadTopLists());
        if (unpacked.length) void Promise.all(unpacked).then(() => { if (this.current === spot) this.showCurrent(); });
    }

    private showCurrent(): void {
        if (!this.current) return;
        const {item, run, answer, index} = this.current;
        const others = this.sameContext(item, run, answer, index);
        this.inspector.show(run.position(answer.start + index), {
            pinned: this.isPinned, others, note: 'The lists of candidates are being unpacked …',
            where: `${this.runs.length > 1 ? `${run.label} · ` : ''}token ${index + 1} of ${answer.length}`,
            ...(others.length ? {names: {base: run.label, aligned: 'aligned'}} : {}),
        });
    }

    /** The same position of other runs that are shown, where the answer is the same up to it. */
    private sameContext(item: Item, run: Run, answer: Answer, index: number): {name: string; position: Position}[] {
        return this.shownRuns.flatMap((other) => {
            const twin = item.of[other.index];
            if (other === run || !twin || twin.length <= index) return [];
            for (let i = 0; i <= index; ++i) if (other.token(twin.start + i) !== run.token(answer.start + i)) return [];
            return [{name: other.label, position: other.position(twin.start + index)}];
        });
    }

    private togglePin(spot: Spot): void {
        const isSame = this.isPinned && this.current?.shown === spot.shown && this.current.index === spot.index;
        if (isSame) return this.unpin(true);
        this.pin(spot);
    }

    private pin(spot: Spot): void {
        this.look(spot, true);
        this.onMoved(false);
    }

    private unmark(): void {
        if (!this.current) return;
        for (const {strip, curve} of [this.current.shown, ...this.shown.get(this.current.item)?.values() ?? []]) {
            for (const kind of ['looked', 'pin', 'twin'] as const) strip.mark(kind, null);
            curve.mark(null);
        }
    }

    private unpin(tell: boolean): void {
        this.unmark();
        this.current = null;
        this.isPinned = false;
        this.inspector.clear();
        if (tell) this.onMoved(false);
    }

    /** Moves to the next (1) or previous (-1) shifted token of the answer; a pin moves along. */
    private stepShifted(step: 1 | -1): void {
        if (!this.current) return;
        const {shown: {strip}, index} = this.current;
        const next = strip.nextShifted(index, step);
        if (next === null) return;
        const spot = {...this.current, index: next};
        strip.focus(next);
        if (this.isPinned) this.pin(spot);
    }
}
