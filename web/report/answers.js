// The third view: every answer with its tokens coloured by class.

import {CardList} from '../page/card_list.js';
import {formatCount, formatNumber, h, runningToken, visibleToken} from '../page/dom.js';
import {makeRunPicker} from '../page/run_picker.js';
import {pairAnswers, searchHits, selectAnswers} from './answer_filter.js';
import {classOf, kClassNames} from './data.js';
import {describe, makeInspector} from './inspector.js';
import {shareBar} from './overview.js';
import {classCounts, meanKl, tagCounts} from './statistics.js';

const kCharactersPerLine = 95;
const kLineHeight = 29;   // px, as in report.css
const kCardChrome = 120;  // px: instruction, share bar, padding

/** How strongly a token is painted, 0 to 1, when the colour shows a number instead of the class. */
const kPaints = {
    kl: (columns, p) => {
        const values = columns.kl_ab ?? columns.kl_ab_lower_bound;
        return Math.min(1, (Number.isNaN(values[p]) ? Infinity : values[p]) / 3);
    },
    surprise: (columns, p) => 1 - (Math.exp(columns.base_logp[p]) || 0),
};

/** The token's element, and the spaces to put before it. */
function tokenElements(run, position, paint, hits) {
    const kind = kClassNames[classOf(run.columns.base_rank[position])];
    const text = run.token(position);
    const shown = text === '' ? '∅' : runningToken(text);
    const element = document.createElement('span');
    element.className = hits.has(position) ? `t ${kind} hit` : `t ${kind}`;
    element.tabIndex = -1;
    element.position = position;
    // Spaces before a word stay outside: at the end of a line they would leave a painted scrap.
    const spaces = shown.length - shown.trimStart().length;
    const outside = spaces < shown.length && !shown.slice(0, spaces).includes('\n') ? spaces : 0;
    element.textContent = shown.slice(outside);
    if (paint) element.style.setProperty('--paint', `${(100 * paint(run.columns, position)).toFixed(0)}%`);
    return [shown.slice(0, outside), element];
}

function estimateHeight(item, columns) {
    const longest = Math.max(...item.of.map((answer) => answer ? answer.length : 0));
    return kCardChrome + Math.ceil(longest * 4.6 / (kCharactersPerLine / columns)) * kLineHeight;
}

export class AnswersView {
    constructor(runs) {
        this.runs = runs;
        this.items = pairAnswers(runs);
        this.wanted = {text: '', tag: '', token: null, id: null, order: ''};
        this.shownRuns = runs.slice(0, 3);
        this.paint = '';
        this.pinned = null;   // {run, answer, position}
        this.current = null;  // what the panel shows
        this.inspector = makeInspector({onUnpin: () => this.unpin(), onStep: (step) => this.stepShifted(step)});
        this.cards = new CardList({
            content: (item) => this.cardContent(item), height: (item) => estimateHeight(item, this.shownRuns.length),
            keep: (card) => card.querySelector('.pin') !== null,
            nothing: 'No answer matches. Clear the search or the filters.',
        });
        this.list = this.cards.element;
        this.element = h('div.answers-view', null, this.makeToolbar(), h('div.split', null, this.list, this.inspector.element));
        this.listen();
    }

    makeToolbar() {
        this.status = h('span.status', {role: 'status'});
        this.chip = h('button.chip', {type: 'button', hidden: true, title: 'Remove this filter',
            onclick: () => { this.wanted.token = this.wanted.id = null; this.render(); }});
        this.search = h('input', {type: 'search', placeholder: 'Search instructions and answers',
            'aria-label': 'Search instructions and answers', oninput: () => {
                clearTimeout(this.typing);
                this.typing = setTimeout(() => { this.wanted.text = this.search.value; this.render(); }, 150);
            }});
        const tags = tagCounts(this.runs);
        this.tags = h('select', {'aria-label': 'Tag', onchange: () => { this.wanted.tag = this.tags.value; this.render(); }},
            h('option', {value: ''}, 'all tags'),
            tags.map(([tag, count]) => h('option', {value: tag}, `${tag} (${count})`)));
        const order = h('select', {'aria-label': 'Order', onchange: () => { this.wanted.order = order.value; this.render(); }},
            [['', 'in file order'], ['most-shifted', 'most shifted first'], ['least-shifted', 'least shifted first'],
             ...(this.runs.some((run) => run.isBounded) ? [] : [['highest-kl', 'highest mean KL first'], ['lowest-kl', 'lowest mean KL first']]),
             ['longest', 'longest first']]
                .map(([value, text]) => h('option', {value}, text)));
        const paint = h('select', {'aria-label': 'Colour', onchange: () => { this.paint = paint.value; this.render(); }},
            [['', 'colour: class'], ['kl', this.runs.some((run) => run.isBounded) ? 'colour: KL, or its lower bound' : 'colour: KL'], ['surprise', 'colour: 1 − base probability']]
                .map(([value, text]) => h('option', {value}, text)));
        return h('div.toolbar', null, this.search, this.makeLegend(), tags.length ? this.tags : null, order, paint,
                 makeRunPicker(this), this.chip, this.status);
    }

    /** The legend is the filter: a class that is switched off fades into the text. */
    makeLegend() {
        const totals = [0, 0, 0];
        for (const run of this.runs) for (const answer of run.answers) classCounts(run, answer).forEach((n, i) => totals[i] += n);
        const hints = ['the base model’s first choice', 'its second or third choice', 'none of its first three choices'];
        return h('div.legend', {role: 'group', 'aria-label': 'Classes shown'}, kClassNames.map((name, i) => {
            const button = h('button.toggle', {type: 'button', 'aria-pressed': 'true', title: `${hints[i]}; click to fade or show`, onclick: () => {
                const off = this.list.classList.toggle(`without-${name}`);
                button.setAttribute('aria-pressed', String(!off));
            }}, h(`span.sample.t.${name}`, null, name), h('small', null, ` ${formatCount(totals[i])}`));
            return button;
        }));
    }

    filterByToken(run, text) {
        this.wanted = {...this.wanted, token: {run, text}, id: null, text: '', tag: ''};
        this.search.value = '';
        this.tags.value = '';
        if (!this.shownRuns.includes(run)) this.shownRuns = [run];
        this.render();
    }

    /** The answers with this id alone: where links from other pages lead. */
    showOnly(id) {
        this.wanted = {...this.wanted, token: null, id, text: '', tag: ''};
        this.search.value = '';
        this.tags.value = '';
        this.render();
    }

    filterByTag(tag) {
        this.wanted.id = null;
        this.wanted.tag = this.tags.value = tag;
        this.render();
    }

    render() {
        const {token, id} = this.wanted;
        const chosen = selectAnswers(this.runs, this.items, this.wanted);
        this.unpin();
        this.chip.hidden = !token && id === null;
        if (id !== null) this.chip.textContent = `answer #${visibleToken(id)} ✕`;
        if (token) {
            const where = this.runs.length > 1 ? ` in ${token.run.label}` : '';
            this.chip.textContent = `${visibleToken(token.text)} shifted${where} ✕`;
        }
        this.status.textContent = chosen.length === this.items.length
            ? `${formatCount(chosen.length)} answers` : `${formatCount(chosen.length)} of ${formatCount(this.items.length)} answers`;
        this.list.classList.toggle('painted', this.paint !== '');
        this.cards.show(chosen);
    }

    cardContent(item) {
        const columns = this.shownRuns.map((run) => this.answerColumn(run, item.of[run.index]));
        return [
            h('header', null, h('span.id', null, `#${item.id}`), h('p.instruction', {dir: 'auto'}, item.instruction),
              item.tags.length ? h('span.tag-list', null, item.tags.map((tag) => h('span.tag', null, tag))) : null),
            h('div.columns', null, columns),
        ];
    }

    answerColumn(run, answer) {
        const title = this.runs.length > 1 ? h('h3', null, run.label) : null;
        if (!answer) return h('div.column', null, title, h('p.note', null, 'This run has no such answer.'));
        const counts = classCounts(run, answer);
        const tokens = h('div.tokens', {dir: 'auto', role: 'group', 'aria-label': `Answer ${answer.id}, ${answer.length} tokens`});
        tokens.run = run;
        tokens.answer = answer;
        const hits = searchHits(run, answer, this.wanted.text);
        const {token} = this.wanted;
        for (let p = answer.start; p < answer.start + answer.length; ++p) {
            if (token && token.run === run && run.token(p) === token.text && classOf(run.columns.base_rank[p]) === 2) hits.add(p);
        }
        const paint = kPaints[this.paint];
        for (let p = answer.start; p < answer.start + answer.length; ++p) tokens.append(...tokenElements(run, p, paint, hits));
        if (answer.length) tokens.firstElementChild.tabIndex = 0;
        return h('div.column', null, title, h('div.meta', null, shareBar(counts.map((n) => n / answer.length), true),
            h('span', null, `${formatCount(counts[2])} shifted of ${formatCount(answer.length)}` +
                (run.isBounded ? '' : ` · mean KL ${formatNumber(meanKl(run, answer), 2)}`))), tokens);
    }

    // What the panel shows: the pinned token, else the one under the pointer or in focus.

    listen() {
        const tokenOf = (event) => event.target.closest?.('.tokens > .t');
        this.list.addEventListener('mouseover', (event) => {
            const token = tokenOf(event);
            if (token && !this.pinned) this.look(token);
        });
        this.list.addEventListener('focusin', (event) => {
            const token = tokenOf(event);
            if (!token) return;
            for (const other of token.parentElement.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
            token.tabIndex = 0;
            if (this.pinned) return;
            this.look(token);
            this.inspector.speak(describe(token.parentElement.run, token.position));
        });
        this.list.addEventListener('click', (event) => {
            const token = tokenOf(event);
            if (token) this.togglePin(token);
        });
        this.element.addEventListener('keydown', (event) => this.onKey(event, tokenOf(event)));
    }

    look(token, pinned = false) {
        const {run, answer} = token.parentElement;
        this.list.querySelector('.looked')?.classList.remove('looked');
        token.classList.add('looked');
        this.current = {run, answer, position: token.position, token};
        const show = () => this.inspector.show(run, answer, token.position, pinned, this.runs.length > 1);
        show();
        if (!run.topLists) run.loadTopLists().then(() => { if (this.current?.token === token) show(); });
    }

    togglePin(token) {
        const same = this.pinned === token;
        this.unpin();
        if (same) return;
        this.pinned = token;
        token.classList.add('pin');
        this.look(token, true);
    }

    unpin() {
        this.pinned?.classList.remove('pin');
        this.list.querySelector('.looked')?.classList.remove('looked');
        this.pinned = null;
        this.current = null;
        this.inspector.clear();
    }

    onKey(event, token) {
        if (event.ctrlKey || event.altKey || event.metaKey) return;
        if (event.key === 'Escape' && this.pinned) return this.unpin();
        if (!token) return;
        const siblings = token.parentElement.children;
        const index = token.position - token.parentElement.answer.start;
        const moves = {ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: siblings.length - 1};
        if (event.key in moves) siblings[moves[event.key]]?.focus();
        else if (event.key === 'n' || event.key === 'N') this.stepShifted(1, token);
        else if (event.key === 'p' || event.key === 'P') this.stepShifted(-1, token);
        else if (event.key === 'Enter' || event.key === ' ') this.togglePin(token);
        else return;
        event.preventDefault();
    }

    /** Moves to the next (1) or previous (-1) shifted token of the answer; a pin moves along. */
    stepShifted(step, from = this.current?.token) {
        if (!from) return;
        const next = step > 0 ? 'nextElementSibling' : 'previousElementSibling';
        let token = from[next];
        while (token && !token.classList.contains('shifted')) token = token[next];
        if (!token) return;
        const pinned = this.pinned !== null;
        token.focus();
        if (pinned) this.togglePin(token);
    }
}
