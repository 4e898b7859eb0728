// One message of a chat, and what can be done with it.

import {useEffect, useMemo, useReducer, useState} from 'preact/hooks';

import {counted, formatCount, plainText} from '../../page/text';
import {removeMessage, showSibling, stop} from '../actions';
import {isPartOfCharacter} from '../api/chunks';
import {loadTokens, ownLog, ownPosition, scoreLog, type TokenLog} from '../api/tokens';
import {store, toast, useSelect} from '../app';
import {continueFrom, editMessage, regenerate} from '../chat_actions';
import {splitName} from '../model/requests';
import type {Live} from '../model/state';
import {type Items, siblingsOf, threadTo} from '../model/thread';
import type {AnswerFacts, ChatSettings, Conversation, Message, Shift} from '../model/types';
import {Markdown} from '../text/markdown';
import {type Source, TokenText} from './inspecting';
import {Area, CopyButton, formatMs, IconButton} from './parts';

function rateOf(tokens: number, ms: number): string | null {
    return tokens > 1 && ms > 0 ? `${(1000 * (tokens - 1) / ms).toFixed(0)} tokens a second` : null;
}

function answerFacts({tokens, ms, first_token_ms: first, prompt_tokens: read, finish_reason: finish}: AnswerFacts): string[] {
    const facts: (string | null)[] = [
        counted(tokens, 'token'),
        ms === null || first === null ? null : rateOf(tokens, ms - first),
        first === null ? null : `first after ${formatMs(first)}`,
        read === null || read === undefined ? null : `${formatCount(read)} read`,
        finish === 'length' ? 'cut at the limit' : null,
    ];
    return facts.filter((fact) => fact !== null);
}

function liveFacts({tokens, began, first, last}: Live): string[] {
    if (first === null) return ['reading …'];
    const rate = rateOf(tokens, (last ?? first) - first);
    return [counted(tokens, 'token'), ...(rate ? [rate] : []), `first after ${formatMs(first - began)}`];
}

/** Counts, speed, and what went wrong. */
export function Facts({message, live}: {message: Message; live: Live | undefined}) {
    const {state} = message;
    const facts = state === 'writing' ? (live ? liveFacts(live) : ['…']) : message.answer ? answerFacts(message.answer) : [];
    if (state === 'stopped') facts.push('stopped');
    if (live?.lost) facts.push('connection lost, trying again');
    return <span class="facts-line">{facts.map((fact) => <span>{fact}</span>)}</span>;
}

export function Failure({message, onAgain}: {message: Message; onAgain(): void}) {
    if (message.state !== 'failed') return null;
    return <div class="failure" role="alert">
        <span>{plainText(message.error ?? 'This answer failed.')}</span>
        <button type="button" class="quiet" onClick={onAgain}>Try again</button>
    </div>;
}

/** What the two sides are called: by their prompts alone where the model is the same. */
function sideNames({base, aligned}: Shift): Shift {
    const {models} = store.get();
    const [left, right] = [splitName(base, models), splitName(aligned, models)];
    return left.model === right.model && left.prompt && right.prompt ? {base: left.prompt, aligned: right.prompt} : {base, aligned};
}

interface Props {
    conversation: Conversation;
    settings: ChatSettings;
    message: Message;
}

function useLog(log: TokenLog | null): void {
    const [, again] = useReducer((count: number) => count + 1, 0);
    const drawn = log?.state;
    useEffect(() => {
        const look = (): void => { if (log && log.state !== drawn) again(0); };
        look();
        return log?.watch(look);
    }, [log, drawn]);
}

/** Whether all tokens of an answer came with both models' numbers, also those that it took over from another one. */
function isCompared(items: Items, message: Message): boolean {
    const {shift, from} = message.details;
    if (message.answer?.path !== '/v1/shift' || !shift) return false;
    if (message.state === 'writing') return true;
    if (message.events === 0) return false;
    if (!from) return true;
    const source = items.get(from.message);
    const theirs = source?.details.shift;
    return source !== undefined && theirs?.base === shift.base && theirs.aligned === shift.aligned && isCompared(items, source);
}

/** Where the tokens come from: the answer's own events, or a comparison made for it. */
function useTokens({conversation, settings, message}: Props): Source | null {
    const {colouring, shift} = settings;
    const isShift = isCompared(conversation.items, message);
    const scores = colouring === 'shift' && !isShift && message.state !== 'writing' && message.content !== '';
    const names = (isShift ? message.details.shift : undefined) ?? shift;
    const source = useMemo((): Source | null => {
        if (colouring === 'text' || message.state === 'failed') return null;
        let log: TokenLog;
        if (scores) {
            log = scoreLog(message, threadTo(conversation.items, message.parent), shift, settings.voice.system);
        } else {
            log = ownLog(message.id);
            void loadTokens(conversation.id, conversation.items, message);
        }
        return {
            log, shown: colouring === 'own' ? ownPosition : (position) => position,
            ...(colouring === 'shift' && (scores || isShift) ? {names: sideNames(names)} : {}),
            onChoose: (index, entry) => {
                if (isPartOfCharacter(entry.text)) return toast('This token is only a part of a character: an answer cannot go on from it.');
                const start = log.starts[index] ?? -1;
                const content = store.get().live.get(message.id)?.text ?? message.content;
                if (start < 0) return toast('This token cannot be found in the text.');
                void continueFrom(conversation, settings, message, content.slice(0, start), entry.text);
            },
        };
    }, [message.id, message.state === 'writing', colouring, scores, names.base, names.aligned]);
    useLog(source?.log ?? null);
    useEffect(() => () => source?.log.cancel?.(), [source]);
    return source;
}

function AnswerBody(props: Props & {live: Live | undefined}) {
    const {message, live} = props;
    const source = useTokens(props);
    const text = live?.text ?? message.content;
    const log = source?.log;
    if (source && log && (log.positions.length > 0 || log.state === 'coming')) {
        return <>
            <TokenText source={source} label="Answer, token by token" />
            {log.state === 'coming' && message.state !== 'writing' ? <p class="note">The tokens are coming …</p> : null}
            {log.state === 'failed' ? <p class="note">{plainText(log.why)}</p> : null}
        </>;
    }
    return <>
        <Markdown text={text} grows={message.state === 'writing'} />
        {log?.state === 'failed' ? <p class="note">{plainText(log.why)}</p> : null}
    </>;
}

function Siblings({conversation, message}: {conversation: Conversation; message: Message}) {
    const siblings = siblingsOf(conversation.items, message);
    if (siblings.length < 2) return null;
    const at = siblings.findIndex(({id}) => id === message.id);
    return <span class="siblings" role="group" aria-label="Other versions">
        <IconButton icon="back" label="Previous version" disabled={at === 0} onClick={() => void showSibling(conversation, message, -1)} />
        <span>{at + 1}/{siblings.length}</span>
        <IconButton icon="forth" label="Next version" disabled={at === siblings.length - 1} onClick={() => void showSibling(conversation, message, 1)} />
    </span>;
}

function Editor({text, label, save, onSave, onCancel}: {text: string; label: string; save: string; onSave(text: string): void; onCancel(): void}) {
    const [value, setValue] = useState(text);
    return <form class="message-editor" onSubmit={(event) => { event.preventDefault(); if (value.trim()) onSave(value); }}>
        <Area value={value} onText={setValue} label={label} autofocus onKeyDown={(event) => {
            if (event.key === 'Escape') onCancel();
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) event.currentTarget.form?.requestSubmit();
        }} />
        <div class="row">
            <small>The old version stays beside it.</small>
            <button type="button" class="quiet" onClick={onCancel}>Cancel</button>
            <button type="submit" class="primary">{save}</button>
        </div>
    </form>;
}

export function MessageView({conversation, settings, message}: Props) {
    const live = useSelect((state) => state.live.get(message.id));
    const [edits, setEdits] = useState(false);
    const isUser = message.role === 'user';
    const writing = message.state === 'writing';
    const text = live?.text ?? message.content;
    const again = (): void => void regenerate(conversation, settings, message);
    return <article class={`message ${isUser ? 'user' : 'assistant'}${writing ? ' writing' : ''}`} aria-label={isUser ? 'You' : 'Answer'} id={`m-${message.id}`}>
        {edits ? <Editor text={message.content} label={isUser ? 'Your message' : 'The answer'} save={isUser ? 'Send' : 'Keep'} onCancel={() => setEdits(false)}
            onSave={(value) => { setEdits(false); void editMessage(conversation, settings, message, value); }} />
            : isUser ? <div class="bubble" dir="auto">{plainText(message.content)}</div>
            : <AnswerBody conversation={conversation} settings={settings} message={message} live={live} />}
        <Failure message={message} onAgain={again} />
        <footer>
            {isUser ? null : <Facts message={message} live={live} />}
            <span class="tools">
                <Siblings conversation={conversation} message={message} />
                {writing ? <IconButton icon="stop" label="Stop this answer" onClick={() => void stop(message.id)} /> : <>
                    <CopyButton text={text} what={isUser ? 'message' : 'answer'} />
                    <IconButton icon="edit" label="Edit" onClick={() => setEdits(true)} />
                    {isUser ? null : <IconButton icon="again" label="Another answer" onClick={again} />}
                    {isUser ? null : <IconButton icon="exact" label="Exact text that the model got"
                        onClick={() => store.dispatch({do: 'dialog', dialog: {name: 'exact', conversation: conversation.id, message: message.id}})} />}
                    <IconButton icon="bin" label="Delete" onClick={() => void removeMessage(conversation, message)} />
                </>}
            </span>
        </footer>
    </article>;
}
