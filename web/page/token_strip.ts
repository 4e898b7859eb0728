// A text whose tokens are spans coloured by what alignment changed: point at them, walk with the keyboard, pin one. It
// looks the same in the reports and in the page of the server, and grows token by token while an answer streams.

import {h} from './dom';
import {classOf, type Position, type Side} from './position';
import {runningToken} from './text';

/** By class; by how far the two models are apart; by how little the base model expected the token. */
export type Colouring = 'class' | 'kl' | 'surprise';

/** What a strip needs of a position. */
export type StripToken = Pick<Position, 'text' | 'kl' | 'bounds'> & {base: Pick<Side, 'rank' | 'logp'>};

export interface TokenStripOptions {
    /** The pointer or the focus is on a token (counted from 0), or has left (null). */
    onHover?(index: number | null, by: 'pointer' | 'keyboard'): void;
    /** A token was clicked, or Enter pressed on it. */
    onPin?(index: number): void;
    /** N or P has moved the focus to this shifted token. */
    onStep?(index: number): void;
    colouring?: Colouring;
}

export interface TokenStrip {
    readonly element: HTMLElement;
    readonly length: number;
    setPositions(list: readonly StripToken[]): void;
    /** At the end, in constant time. */
    append(token: StripToken): void;
    setColouring(colouring: Colouring): void;
    /** Tokens that a search has found. */
    setHits(hits: ReadonlySet<number>): void;
    /** The ring around the token that a panel shows, and the one around its counterpart elsewhere; null takes it away. */
    mark(kind: 'looked' | 'pin' | 'twin', index: number | null): void;
    focus(index: number): void;
    /** The next (1) or previous (-1) shifted token from here; null where there is none. */
    nextShifted(from: number, step: 1 | -1): number | null;
    tokenElement(index: number): HTMLElement | undefined;
}

export const kMostKl = 3;  // nats; above it the colour does not change

/** How strongly a token is painted, 0 to 1, where the colour shows a number. A KL without a value is infinite. */
function paintOf(colouring: Colouring, token: StripToken): number {
    if (colouring === 'surprise') return 1 - (Math.exp(token.base.logp) || 0);
    const kl = token.kl ?? token.bounds?.kl ?? Infinity;
    return Math.min(1, (Number.isNaN(kl) ? Infinity : kl) / kMostKl);
}

/** What the colours of a number mean: a ramp between its ends. */
export function colouringScale(colouring: Colouring, isBound = false): HTMLElement | null {
    if (colouring === 'class') return null;
    const [low, high, unit] = colouring === 'kl' ? ['0', `${kMostKl} and more`, isBound ? 'nats, KL or its lower bound' : 'nats of KL']
        : ['0', '1', '1 − base probability'];
    return h('span.paint-scale', null, low, h('span.ramp', {'aria-hidden': 'true'}), high, h('small', null, ` ${unit}`));
}

export function makeTokenStrip({onHover, onPin, onStep, colouring = 'class'}: TokenStripOptions = {}): TokenStrip {
    const element = h(colouring === 'class' ? 'div.tokens' : 'div.tokens.painted', {dir: 'auto', role: 'group'});
    const spans: HTMLElement[] = [];
    const tokens: StripToken[] = [];
    const indices = new Map<EventTarget, number>();
    const marked = {looked: null, pin: null, twin: null} as Record<'looked' | 'pin' | 'twin', HTMLElement | null>;
    let reachable: HTMLElement | null = null;  // by Tab

    function paint(index: number): void {
        const span = spans[index];
        if (colouring !== 'class') span.style.setProperty('--paint', `${(100 * paintOf(colouring, tokens[index])).toFixed(0)}%`);
    }

    function append(token: StripToken): void {
        const shown = runningToken(token.text);
        // Spaces before a word stay outside: at the end of a line they would leave a painted scrap.
        const spaces = shown.length - shown.trimStart().length;
        const outside = spaces < shown.length && !shown.slice(0, spaces).includes('\n') ? spaces : 0;
        const span = document.createElement('span');
        span.className = `t ${classOf(token.base.rank)}`;
        span.tabIndex = reachable ? -1 : 0;
        span.textContent = shown.slice(outside);
        reachable ??= span;
        indices.set(span, spans.length);
        spans.push(span);
        tokens.push(token);
        paint(spans.length - 1);
        if (outside) element.append(shown.slice(0, outside), span);
        else element.append(span);
    }

    function setPositions(list: readonly StripToken[]): void {
        element.replaceChildren();
        spans.length = tokens.length = 0;
        indices.clear();
        marked.looked = marked.pin = marked.twin = reachable = null;
        list.forEach(append);
    }

    function mark(kind: 'looked' | 'pin' | 'twin', index: number | null): void {
        marked[kind]?.classList.remove(kind);
        marked[kind] = index === null ? null : spans[index] ?? null;
        marked[kind]?.classList.add(kind);
    }

    function nextShifted(from: number, step: 1 | -1): number | null {
        for (let i = from + step; i >= 0 && i < tokens.length; i += step) {
            if (classOf(tokens[i].base.rank) === 'shifted') return i;
        }
        return null;
    }

    function focus(index: number): void {
        const span = spans[index];
        if (!span) return;
        if (reachable) reachable.tabIndex = -1;
        reachable = span;
        span.tabIndex = 0;
        span.focus();
    }

    function step(from: number, direction: 1 | -1): void {
        const next = nextShifted(from, direction);
        if (next === null) return;
        focus(next);
        onStep?.(next);
    }

    const indexOf = (event: Event): number | undefined => event.target ? indices.get(event.target) : undefined;

    element.addEventListener('mouseover', (event) => {
        const index = indexOf(event);
        if (index !== undefined) onHover?.(index, 'pointer');
    });
    element.addEventListener('mouseleave', () => onHover?.(null, 'pointer'));
    element.addEventListener('focusin', (event) => {
        const index = indexOf(event);
        if (index === undefined) return;
        if (reachable) reachable.tabIndex = -1;
        reachable = spans[index];
        reachable.tabIndex = 0;
        onHover?.(index, 'keyboard');
    });
    element.addEventListener('click', (event) => {
        const index = indexOf(event);
        if (index !== undefined) onPin?.(index);
    });
    element.addEventListener('keydown', (event) => {
        const index = indexOf(event);
        if (index === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
        const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
        if (key === 'ArrowRight') focus(index + 1);
        else if (key === 'ArrowLeft') focus(index - 1);
        else if (key === 'Home') focus(0);
        else if (key === 'End') focus(spans.length - 1);
        else if (key === 'n') step(index, 1);
        else if (key === 'p') step(index, -1);
        else if (key === 'Enter' || key === ' ') onPin?.(index);
        else return;
        event.preventDefault();
    });

    return {
        element, append, setPositions, mark, focus, nextShifted,
        get length() { return spans.length; },
        setColouring(wanted) {
            if (wanted === colouring) return;
            colouring = wanted;
            element.classList.toggle('painted', colouring !== 'class');
            spans.forEach((_, i) => paint(i));
        },
        setHits(hits) {
            for (const span of element.querySelectorAll('.hit')) span.classList.remove('hit');
            for (const i of hits) spans[i]?.classList.add('hit');
        },
        tokenElement: (index) => spans[index],
    };
}
