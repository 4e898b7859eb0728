// Which token is looked at. One panel serves all answers of the page.

import {useLayoutEffect, useRef} from 'preact/hooks';

import {h} from '../../page/dom';
import {describePosition, makeInspector} from '../../page/inspector';
import type {Entry, Position} from '../../page/position';
import {makeTokenStrip, type TokenStrip} from '../../page/token_strip';
import type {TokenLog} from '../api/tokens';
import {watchPaced} from '../pace';

/** An answer whose tokens can be looked at. */
export interface Source {
    log: TokenLog;
    names?: {base: string; aligned: string};
    shown(position: Position): Position;
    /** Goes on from another candidate at this place. */
    onChoose?(index: number, entry: Entry): void;
    mark?(kind: 'looked' | 'pin', index: number | null): void;
    next?(from: number, step: 1 | -1): number | null;
    focus?(index: number): void;
    element?(index: number): HTMLElement | undefined;
}

interface Look {
    source: Source;
    index: number;
}

let hovered: Look | null = null;
let pinned: Look | null = null;

const inspector = makeInspector({
    onUnpin: () => unpin(),
    onStep: (step) => {
        const at = pinned ?? hovered;
        const next = at?.source.next?.(at.index, step) ?? null;
        if (at && next !== null) {
            if (pinned) pin(at.source, next);
            at.source.focus?.(next);
        }
    },
    hint: [h('p', null, h('b', null, 'Point at a token'), ' to see what else could have stood there; another candidate can be clicked.'),
           h('p', null, 'A click pins it. Keys: ', h('kbd', null, '?'))],
    onChoose: (entry) => {
        const at = pinned ?? hovered;
        at?.source.onChoose?.(at.index, entry);
    },
});

function draw(): void {
    const at = pinned ?? hovered;
    const position = at?.source.log.positions[at.index];
    if (!at || !position) return inspector.clear();
    const {source, index} = at;
    inspector.show(source.shown(position), {
        pinned: at === pinned, where: `token ${index + 1} of ${source.log.positions.length}`, ...(source.names ? {names: source.names} : {}),
    });
}

export function look(source: Source, index: number | null, by: 'pointer' | 'keyboard'): void {
    hovered?.source.mark?.('looked', null);
    if (index === null) {
        // What was seen last stays: the way to the panel leads over other tokens and beside the text.
        return;
    }
    hovered = {source, index};
    source.mark?.('looked', index);
    if (!pinned) draw();
    const position = source.log.positions[index];
    if (by === 'keyboard' && position) inspector.speak(describePosition(source.shown(position)));
}

export function pin(source: Source, index: number): void {
    const same = pinned?.source === source && pinned.index === index;
    unpin();
    if (same) return;
    hovered = {source, index};
    pinned = {source, index};
    source.mark?.('pin', index);
    draw();
    // In a narrow window the panel has just covered a part of the text.
    requestAnimationFrame(() => source.element?.(index)?.scrollIntoView({block: 'nearest'}));
}

export function unpin(): boolean {
    if (!pinned) return false;
    pinned.source.mark?.('pin', null);
    hovered?.source.mark?.('looked', null);
    pinned = hovered = null;
    draw();
    return true;
}

/** A source that is gone is not looked at any more. */
export function leave(source: Source): void {
    if (pinned?.source === source) pinned = null;
    if (hovered?.source === source) hovered = null;
    draw();
}

export function InspectorPanel() {
    const holder = useRef<HTMLDivElement>(null);
    useLayoutEffect(() => {
        inspector.clear();
        holder.current?.append(inspector.element);
        const onKey = (event: KeyboardEvent): void => {
            // A window over the page is closed first.
            if (event.key === 'Escape' && !event.defaultPrevented && !document.querySelector('dialog[open]') && unpin()) event.preventDefault();
        };
        addEventListener('keydown', onKey);
        return () => {
            removeEventListener('keydown', onKey);
            unpin();
            hovered = null;
        };
    }, []);
    return <div class="inspector-panel" ref={holder} />;
}

/** A text token by token, which grows with its log. */
export function TokenText({source, label}: {source: Source; label: string}) {
    const holder = useRef<HTMLDivElement>(null);
    useLayoutEffect(() => {
        const strip: TokenStrip = makeTokenStrip({onHover: (index, by) => look(source, index, by), onPin: (index) => pin(source, index)});
        strip.element.setAttribute('aria-label', label);
        source.mark = (kind, index) => strip.mark(kind, index);
        source.next = (from, step) => strip.nextShifted(from, step);
        source.focus = (index) => strip.focus(index);
        source.element = (index) => strip.tokenElement(index);
        const {positions} = source.log;
        const grow = (): void => {
            if (strip.length > positions.length) strip.setPositions([]);
            for (let i = strip.length; i < positions.length; ++i) strip.append(source.shown(positions[i]!));
        };
        grow();
        holder.current?.append(strip.element);
        const unwatch = watchPaced(source.log, grow);
        return () => {
            unwatch();
            leave(source);
            strip.element.remove();
        };
    }, [source]);
    return <div class="token-text" ref={holder} />;
}
