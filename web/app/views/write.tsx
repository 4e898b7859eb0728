// Write: a text that the model continues. The text area lies over a copy of its text that carries the colours.

import {useCallback, useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState} from 'preact/hooks';

import {classOf, type Entry} from '../../page/position';
import {counted, plainText} from '../../page/text';
import {setSettings, stop} from '../actions';
import {isPartOfCharacter} from '../api/chunks';
import {loadTokens, ownLog, type TokenLog} from '../api/tokens';
import {store, toast, useSelect} from '../app';
import {textOf} from '../model/document';
import {childrenOf, siblingsOf, threadTo} from '../model/thread';
import type {Conversation, Message, WriteSettings} from '../model/types';
import {watchPaced} from '../pace';
import {continuationsOf, generate, generateFrom, historyOf, keepText, redo, removePiece, showPiece, showUpTo, undo} from '../write_actions';
import {Legend, Spoken, ViewHeader} from './chat';
import {InspectorPanel, look, pin, type Source} from './inspecting';
import {Facts, Failure} from './message';
import {IconButton, Modal} from './parts';
import {ModelSelect, SamplingFields} from './voice';
import {PieceTree} from './write_tree';

const kTypingPause = 500;  // ms until what was typed is kept

/** A piece of the copy: its tokens as coloured spans, or its plain text. */
function drawPiece(element: HTMLElement, text: string, log: TokenLog | null): void {
    element.replaceChildren();
    let at = 0;
    if (log) {
        log.positions.forEach((position, i) => {
            const start = log.starts[i] ?? -1;
            const end = start + position.text.length;
            if (start < at || end > text.length || isPartOfCharacter(position.text)) return;
            // As in the strip of tokens, a space before a word is not coloured.
            const word = position.text.startsWith(' ') && position.text.trim() ? start + 1 : start;
            if (word > at) element.append(text.slice(at, word));
            const span = document.createElement('span');
            span.className = `t ${classOf(position.base.rank)}`;
            span.dataset.at = String(i);
            span.textContent = text.slice(word, end);
            element.append(span);
            at = end;
        });
    }
    element.append(text.slice(at));
}

interface Shown {
    piece: Message;
    text: string;
}

/** The tokens of one piece, as what the panel shows. `element`: the piece in the copy. */
function sourceOf(conversation: Conversation, piece: Message, element: HTMLElement): Source {
    const log = ownLog(piece.id);
    void loadTokens(conversation.id, conversation.items, piece);
    return {
        log, shown: (position) => position,
        mark: (kind, index) => {
            element.querySelector(`.${kind}`)?.classList.remove(kind);
            if (index !== null) element.querySelector(`[data-at="${index}"]`)?.classList.add(kind);
        },
        next: (from, step) => {
            for (let i = from + step; i >= 0 && i < log.positions.length; i += step) if (classOf(log.positions[i]!.base.rank) === 'shifted') return i;
            return null;
        },
        onChoose: (index: number, entry: Entry) => {
            const now = store.get().open.get(conversation.id);
            const start = log.starts[index] ?? -1;
            if (now?.settings.view !== 'write' || start < 0 || isPartOfCharacter(entry.text)) return toast('A text cannot go on from this token.');
            const content = store.get().live.get(piece.id)?.text ?? piece.content;
            void generateFrom(piece, content.slice(0, start), entry.text, textOf(threadTo(now.items, piece.parent)), now.settings);
        },
    };
}

function Editor({conversation, settings, pieces}: {conversation: Conversation | null; settings: WriteSettings; pieces: readonly Message[]}) {
    const live = useSelect((state) => state.live);
    const area = useRef<HTMLTextAreaElement>(null);
    const copy = useRef<HTMLDivElement>(null);
    const drawn = useRef(new Map<string, {element: HTMLElement; text: string; tokens: number; source: Source | null}>());
    const [typed, setTyped] = useState<string | null>(null);
    const timer = useRef(0);
    const [, again] = useReducer((count: number) => count + 1, 0);
    const drawAgain = useCallback(() => again(0), []);
    const shown: Shown[] = pieces.map((piece) => ({piece, text: live.get(piece.id)?.text ?? piece.content}));
    const stored = shown.map(({text}) => text).join('');
    const text = typed ?? stored;
    const writing = pieces.some(({state}) => state === 'writing');

    // What was typed is shown until the tree has it.
    useEffect(() => { if (typed !== null && typed === stored) setTyped(null); }, [typed, stored]);
    useEffect(() => {
        setTyped(null);
        drawn.current.clear();
    }, [conversation?.id]);

    useLayoutEffect(() => {
        const holder = copy.current!;
        if (typed !== null || !settings.shows) {
            // Colours of what has not changed stay; the rest is plain until it is kept.
            drawTyped(holder, shown, text, settings.shows ? drawn.current : new Map());
            return;
        }
        const elements = shown.map(({piece, text: content}) => {
            let entry = drawn.current.get(piece.id);
            if (!entry) {
                const element = document.createElement('span');
                const hasTokens = piece.answer || piece.details.from || piece.state === 'writing';
                entry = {element, text: '', tokens: -1, source: conversation && hasTokens ? sourceOf(conversation, piece, element) : null};
                if (entry.source) watchPaced(entry.source.log, drawAgain);
                drawn.current.set(piece.id, entry);
            }
            const tokens = entry.source?.log.positions.length ?? 0;
            if (entry.text !== content || entry.tokens !== tokens) {
                entry.element.dataset.piece = piece.id;
                drawPiece(entry.element, content, entry.source?.log ?? null);
                Object.assign(entry, {text: content, tokens});
            }
            return entry.element;
        });
        holder.replaceChildren(...elements, '\n');
    });

    const keep = (value: string): void => {
        clearTimeout(timer.current);
        void keepText(value);
    };
    const generateHere = (): void => {
        clearTimeout(timer.current);
        const element = area.current!;
        void generate(element.value, element.selectionStart, settings);
    };
    const step = (run: () => Promise<void>): void => {
        if (typed !== null) keep(typed);
        void run();
    };

    /** The token under a point, or at the cursor. */
    const tokenAt = (x: number, y: number): {source: Source; index: number} | null => {
        const span = document.elementsFromPoint(x, y).find((element): element is HTMLElement => element instanceof HTMLElement && element.classList.contains('t'));
        return span ? tokenOf(span) : null;
    };
    const tokenOf = (span: HTMLElement): {source: Source; index: number} | null => {
        const source = drawn.current.get(span.parentElement?.dataset.piece ?? '')?.source;
        return source ? {source, index: Number(span.dataset.at)} : null;
    };
    const lookAtCursor = (): void => {
        const span = spanAt(copy.current!, area.current!.selectionStart);
        const token = span && tokenOf(span);
        if (token) look(token.source, token.index, 'keyboard');
    };

    const onKeyDown = (event: KeyboardEvent): void => {
        const command = event.ctrlKey || event.metaKey;
        const key = event.key.toLowerCase();
        if (command && key === 'enter') generateHere();
        else if (command && key === 'z' && !event.shiftKey) step(undo);
        else if (command && (key === 'y' || (key === 'z' && event.shiftKey))) step(redo);
        else if (event.altKey && ['arrowleft', 'arrowright', 'arrowup', 'arrowdown'].includes(key)) walk(conversation, key.slice(5) as Way);
        else if (event.altKey && /^[1-9]$/.test(event.key)) {
            const span = spanAt(copy.current!, area.current!.selectionStart);
            const token = span && tokenOf(span);
            const entry = token?.source.log.positions[token.index]?.base.top?.[Number(event.key) - 1];
            if (token && entry) token.source.onChoose?.(token.index, entry);
        } else if (event.key === 'Escape' && writing) pieces.filter(({state}) => state === 'writing').forEach(({id}) => void stop(id));
        else return;
        event.preventDefault();
    };
    return <div class="write-editor">
        <div class="paper">
            <div class="copy" ref={copy} aria-hidden="true" />
            <textarea ref={area} aria-label="Text" placeholder="Once upon a time" value={text} spellcheck={false} readOnly={writing}
                onInput={(event) => {
                    const {value} = event.currentTarget;
                    setTyped(value);
                    clearTimeout(timer.current);
                    timer.current = window.setTimeout(() => void keepText(value), kTypingPause);
                }}
                onBlur={() => { if (typed !== null) keep(typed); }}
                onKeyDown={onKeyDown}
                onKeyUp={(event) => { if (settings.shows && /^(Arrow|Home|End)/.test(event.key)) lookAtCursor(); }}
                onMouseMove={(event) => {
                    const token = settings.shows ? tokenAt(event.clientX, event.clientY) : null;
                    if (token) look(token.source, token.index, 'pointer');
                }}
                onClick={(event) => {
                    const token = settings.shows ? tokenAt(event.clientX, event.clientY) : null;
                    if (token) pin(token.source, token.index);
                }} />
        </div>
        <div class="write-bar">
            {writing ? <button type="button" class="primary" onClick={() => pieces.filter(({state}) => state === 'writing').forEach(({id}) => void stop(id))}>Stop</button>
                : <button type="button" class="primary" onClick={generateHere} disabled={text === ''}>Generate <kbd>Ctrl ↵</kbd></button>}
            <span class="labelled"><span aria-hidden="true">Ways</span> <select aria-label="Ways" value={String(settings.count)} onChange={(event) => setSettings({...settings, count: Number(event.currentTarget.value)})}>
                {[1, 2, 3, 4, 5, 6, 7, 8].map((count) => <option value={String(count)}>{count}</option>)}</select></span>
            <span class="labelled"><span aria-hidden="true">Tokens</span> <input type="number" aria-label="Tokens" min={1} max={4096} value={settings.sampling.max_tokens} onChange={(event) => {
                const value = Number(event.currentTarget.value);
                if (event.currentTarget.validity.valid && value > 0) setSettings({...settings, sampling: {...settings.sampling, max_tokens: value}});
            }} /></span>
            <IconButton icon="undo" label="Undo" keys="Ctrl Z" disabled={typed === null && historyOf(conversation?.id).past.length === 0} onClick={() => step(undo)} />
            <IconButton icon="redo" label="Redo" keys="Ctrl Shift Z" disabled={historyOf(conversation?.id).future.length === 0} onClick={() => step(redo)} />
            <span class="note">{counted(text.match(/\S+/g)?.length ?? 0, 'word')}</span>
        </div>
    </div>;
}

function spanAt(holder: HTMLElement, cursor: number): HTMLElement | null {
    let at = 0;
    for (const piece of holder.children) {
        const length = piece.textContent?.length ?? 0;
        if (cursor > at + length) {
            at += length;
            continue;
        }
        for (const node of piece.childNodes) {
            at += node.textContent?.length ?? 0;
            if (cursor <= at) return node instanceof HTMLElement ? node : null;
        }
    }
    return null;
}

/** While somebody types: the pieces before the change as they were, the rest plain. */
function drawTyped(holder: HTMLElement, shown: readonly Shown[], text: string, drawn: ReadonlyMap<string, {element: HTMLElement; text: string}>): void {
    const nodes: (HTMLElement | string)[] = [];
    let at = 0;
    for (const {piece, text: content} of shown) {
        const entry = drawn.get(piece.id);
        if (!entry || entry.text !== content || !text.startsWith(content, at)) break;
        nodes.push(entry.element);
        at += content.length;
    }
    holder.replaceChildren(...nodes, text.slice(at), '\n');
}

type Way = 'left' | 'right' | 'up' | 'down';

/** Along the tree from the last place with several ways. */
function walk(conversation: Conversation | null, way: Way): void {
    if (!conversation) return;
    const pieces = threadTo(conversation.items, conversation.current);
    if (way === 'up') {
        const last = pieces.at(-1);
        if (last) void showUpTo(last.parent);
    } else if (way === 'down') {
        const below = childrenOf(conversation.items, conversation.current)[0];
        if (below) void showUpTo(below.id);
    } else {
        const forks = pieces.filter((piece) => siblingsOf(conversation.items, piece).length > 1);
        const fork = forks.at(-1);
        if (!fork) return;
        const siblings = siblingsOf(conversation.items, fork);
        const next = siblings[siblings.findIndex(({id}) => id === fork.id) + (way === 'right' ? 1 : -1)];
        if (next) void showPiece(next.id);
    }
}

function Continuation({message, number, isShown}: {message: Message; number: number; isShown: boolean}) {
    const live = useSelect((state) => state.live.get(message.id));
    const text = live?.text ?? message.content;
    return <div class={`continuation${isShown ? ' shown' : ''}`}>
        <button type="button" aria-pressed={isShown} onClick={() => void showPiece(message.id)} aria-label={`Way ${number}: ${plainText(text).slice(0, 300)}`}>
            <b>{number}</b><span>{plainText(text) || '…'}</span>
        </button>
        <Failure message={message} onAgain={() => void showUpTo(message.parent)} />
        <footer><Facts message={message} live={live} />
            <span class="tools">{message.state === 'writing' ? <IconButton icon="stop" label="Stop" onClick={() => void stop(message.id)} />
                : <IconButton icon="bin" label={`Delete way ${number}`} onClick={() => void removePiece(message)} />}</span>
        </footer>
    </div>;
}

export function WriteView({conversation, settings}: {conversation: Conversation | null; settings: WriteSettings}) {
    const [showsSettings, setShowsSettings] = useState(false);
    const pieces = useMemo(() => conversation ? threadTo(conversation.items, conversation.current) : [], [conversation]);
    const ways = continuationsOf(conversation);
    const shownIds = new Set(pieces.map(({id}) => id));
    const writing = conversation ? [...conversation.items.values()].some(({state}) => state === 'writing') : false;
    const change = (part: Partial<WriteSettings>): void => setSettings({...settings, ...part});
    return <div class="view write-view with-inspector">
        <ViewHeader conversation={conversation} usual="New text">
            <ModelSelect model={settings.model} onChange={(model) => change({model})} />
            <IconButton icon="theme" label="Colours of tokens" pressed={settings.shows} onClick={() => change({shows: !settings.shows})} />
            <IconButton icon="settings" label="Sampling" onClick={() => setShowsSettings(true)} />
        </ViewHeader>
        {settings.shows ? <div class="colour-bar"><Legend isShift={false} /></div> : null}
        <div class="columns-of-view">
            <div class="thread-side scroller">
                <Editor {...{conversation, settings, pieces}} />
                {ways.length ? <section class="continuations" aria-label="Ways on from here">
                    <h2>Ways on from here <small><kbd>Alt ←</kbd> <kbd>Alt →</kbd></small></h2>
                    {ways.map((message, i) => <Continuation key={message.id} message={message} number={i + 1} isShown={shownIds.has(message.id)} />)}
                </section> : null}
                {conversation ? <PieceTree conversation={conversation} shown={shownIds} /> : <div class="empty-thread"><p>The model goes on from wherever
                    the cursor is: <kbd>Ctrl ↵</kbd>. Every way that it finds is kept.</p></div>}
            </div>
            <InspectorPanel />
        </div>
        {showsSettings ? <Modal title="Sampling" onClose={() => setShowsSettings(false)}>
            <SamplingFields sampling={settings.sampling} onChange={(sampling) => change({sampling})} />
        </Modal> : null}
        <Spoken writing={writing} />
    </div>;
}
