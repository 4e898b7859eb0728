// A chat: its thread of messages, the box to write in, and the panel of tokens.

import type {ComponentChildren, TargetedKeyboardEvent} from 'preact';
import {useEffect, useLayoutEffect, useMemo, useRef, useState} from 'preact/hooks';

import {plainText} from '../../page/text';
import {removeConversation, rename, stop} from '../actions';
import {useSelect} from '../app';
import {answerAgain, changeChat, send} from '../chat_actions';
import {exportConversation} from '../file_actions';
import {threadTo} from '../model/thread';
import type {ChatSettings, Conversation} from '../model/types';
import {Icon} from './icons';
import {InspectorPanel} from './inspecting';
import {MessageView} from './message';
import {Area, IconButton, Menu, Modal, Segments} from './parts';
import {SamplingFields, ShiftSelects, SystemField, VoiceSelect} from './voice';

/** The heading of a view: a title that can be changed, and what belongs to the whole conversation. */
export function ViewHeader({conversation, usual, children}: {conversation: Conversation | null; usual: string; children?: ComponentChildren}) {
    const [edits, setEdits] = useState(false);
    const title = plainText(conversation?.title || usual);
    const save = (text: string): void => {
        setEdits(false);
        if (conversation) void rename(conversation.id, text);
    };
    return <header class="view-header">
        {edits && conversation ? <input class="title-input" aria-label="Title" autofocus value={conversation.title} maxLength={200}
            onKeyDown={(event) => {
                if (event.key === 'Enter') save(event.currentTarget.value);
                if (event.key === 'Escape') setEdits(false);
            }} onBlur={(event) => save(event.currentTarget.value)} />
            : <h1 title={conversation ? 'Double-click to rename' : undefined} onDblClick={() => setEdits(Boolean(conversation))}>{title}</h1>}
        <div class="view-tools">
            {children}
            {conversation ? <Menu label="This conversation" items={[
                {label: 'Rename', icon: 'edit', run: () => setEdits(true)},
                {label: 'Save as Markdown', icon: 'save', run: () => void exportConversation(conversation.id, conversation.title, 'markdown')},
                {label: 'Save as JSON', icon: 'save', run: () => void exportConversation(conversation.id, conversation.title, 'json')},
                {label: 'Delete', icon: 'bin', danger: true, run: () => void removeConversation(conversation)},
            ]} /> : null}
        </div>
    </header>;
}

const kNear = 80;  // px from the end that still count as the end

/** Scrolls with what is written as long as the reader is at the end; with `shows`, to the last of these when there is a new one. */
export function Scroller({children, follows, shows}: {children: ComponentChildren; follows: string; shows?: string}) {
    const scroller = useRef<HTMLDivElement>(null);
    const content = useRef<HTMLDivElement>(null);
    const [isAtEnd, setAtEnd] = useState(true);
    const sticks = useRef(true);
    const toEnd = (): void => {
        const element = scroller.current;
        if (element) element.scrollTop = element.scrollHeight;
    };
    useLayoutEffect(() => {
        sticks.current = !shows;
        const last = shows ? [...content.current!.querySelectorAll<HTMLElement>(shows)].at(-1) : undefined;
        if (shows && last) scroller.current!.scrollTop = last.offsetTop - (content.current!.querySelector<HTMLElement>('.column-heads')?.offsetHeight ?? 0);
        else toEnd();
    }, [follows]);
    useEffect(() => {
        if (shows) return;
        const watch = new ResizeObserver(() => { if (sticks.current) toEnd(); });
        watch.observe(content.current!);
        return () => watch.disconnect();
    }, []);
    return <div class="scroller-frame">
        <div class="scroller" ref={scroller} tabIndex={-1} onScroll={() => {
            const element = scroller.current!;
            const isNear = element.scrollHeight - element.scrollTop - element.clientHeight < kNear;
            sticks.current = isNear && !shows;
            setAtEnd(isNear);
        }}>
            <div ref={content}>{children}</div>
        </div>
        {isAtEnd ? null : <button type="button" class="to-end" onClick={toEnd} aria-label="To the end"><Icon name="down" /></button>}
    </div>;
}

const kDraftName = 'urial-draft-';

/** What is typed survives a reload, and is taken away only when it was sent. */
function useDraft(name: string): [string, (text: string) => void] {
    const [text, setText] = useState(() => sessionStorage.getItem(kDraftName + name) ?? '');
    useEffect(() => setText(sessionStorage.getItem(kDraftName + name) ?? ''), [name]);
    return [text, (changed) => {
        setText(changed);
        if (changed) sessionStorage.setItem(kDraftName + name, changed);
        else sessionStorage.removeItem(kDraftName + name);
    }];
}

/** Whether Enter sends: not where there is only a keyboard on the glass. */
function enterSends(event: TargetedKeyboardEvent<HTMLTextAreaElement>): boolean {
    if (event.key !== 'Enter' || event.isComposing || event.shiftKey) return false;
    return event.ctrlKey || event.metaKey || !matchMedia('(pointer: coarse)').matches;
}

export function Composer({name, placeholder, writing, onSend, children}:
    {name: string; placeholder: string; writing: readonly string[]; onSend(text: string): Promise<boolean>; children?: ComponentChildren}) {
    const [text, setText] = useDraft(name);
    const [busy, setBusy] = useState(false);
    const area = useRef<HTMLTextAreaElement | null>(null);
    const submit = async (): Promise<void> => {
        if (busy || !text.trim()) return;
        setBusy(true);
        const sent = text;
        setText('');
        if (!await onSend(sent)) setText(sent);
        setBusy(false);
        area.current?.focus();
    };
    return <form class="composer" onSubmit={(event) => { event.preventDefault(); void submit(); }}>
        <Area value={text} onText={setText} label="Message" id="message-box" placeholder={placeholder} area={area} onKeyDown={(event) => {
            if (!enterSends(event)) return;
            event.preventDefault();
            if (!writing.length) void submit();
        }} />
        <div class="composer-row">
            {children}
            {writing.length
                ? <button type="button" class="send" onClick={() => writing.forEach((id) => void stop(id))}><Icon name="stop" /><span>Stop</span></button>
                : <button type="submit" class="send" disabled={!text.trim() || busy}><Icon name="send" /><span>Send</span></button>}
        </div>
    </form>;
}

export function Legend({isShift}: {isShift: boolean}) {
    const subject = isShift ? 'the base model’s' : 'the model’s';
    return <span class="legend-line" aria-label="Colours">
        <span class="sample t unshifted">first</span><span class="sample t marginal">second, third</span><span class="sample t shifted">lower</span>
        <small>place in {subject} list</small>
    </span>;
}

export function ChatView({conversation, settings}: {conversation: Conversation | null; settings: ChatSettings}) {
    const [showsSettings, setShowsSettings] = useState(false);
    const server = useSelect((state) => state.server);
    const thread = useMemo(() => conversation ? threadTo(conversation.items, conversation.current) : [], [conversation]);
    const writing = thread.filter(({state}) => state === 'writing').map(({id}) => id);
    const {colouring, voice} = settings;
    const last = thread.at(-1);
    return <div class={`view chat-view${colouring === 'text' ? '' : ' with-inspector'}`}>
        <ViewHeader conversation={conversation} usual="New chat">
            <Segments label="Show answers as" value={colouring} onChange={(value) => changeChat({colouring: value})} options={[
                ['text', 'Text'],
                ['own', 'Probabilities', 'Every token coloured by how likely the model found it'],
                ['shift', 'Shift', 'Every token coloured by what alignment changes: two models are compared'],
            ]} />
        </ViewHeader>
        {colouring === 'text' ? null : <div class="colour-bar">
            <Legend isShift={colouring === 'shift'} />
            {colouring === 'shift' ? <ShiftSelects shift={settings.shift} onChange={(shift) => changeChat({shift})} /> : null}
        </div>}
        <div class="columns-of-view">
            <div class="thread-side">
                <Scroller follows={`${conversation?.id ?? ''} ${thread.length} ${last?.id ?? ''}`}>
                    <div class="thread" role="log" aria-label="Messages" aria-live="off">
                        {conversation ? thread.map((message) => <MessageView key={message.id} {...{conversation, settings, message}} />) : null}
                        {thread.length === 0 ? <EmptyThread /> : null}
                        {conversation && last?.role === 'user' ? <p class="note centred">
                            <button type="button" class="quiet" onClick={() => void answerAgain(conversation)}>Answer this</button></p> : null}
                    </div>
                </Scroller>
                <Composer name={conversation?.id ?? 'new-chat'} writing={writing} onSend={send}
                    placeholder={server === 'ready' ? 'Ask something' : 'The server is away'}>
                    <div class="voice-row">
                        {colouring === 'shift' ? <span class="note">The aligned side answers, always with its most likely token.</span>
                            : <VoiceSelect voice={voice} onChange={(changed) => changeChat({voice: changed})} />}
                        <IconButton icon="settings" label="Settings of this chat" onClick={() => setShowsSettings(true)} />
                    </div>
                </Composer>
            </div>
            {colouring === 'text' ? null : <InspectorPanel />}
        </div>
        {showsSettings ? <Modal title="Settings of this chat" onClose={() => setShowsSettings(false)}>
            <SystemField voice={voice} onChange={(changed) => changeChat({voice: changed})} />
            <SamplingFields sampling={settings.sampling} onChange={(sampling) => changeChat({sampling})} />
        </Modal> : null}
        <Spoken writing={writing.length > 0} />
    </div>;
}

/** For those who hear the page: that an answer began and ended, not every token of it. */
export function Spoken({writing}: {writing: boolean}) {
    const was = useRef(writing);
    const [text, setText] = useState('');
    useEffect(() => {
        if (was.current !== writing) setText(writing ? 'An answer is being written.' : 'The answer is finished.');
        was.current = writing;
    }, [writing]);
    return <p class="visually-hidden" role="status">{text}</p>;
}

function EmptyThread() {
    const models = useSelect((state) => state.models);
    return <div class="empty-thread">
        <p>{models[0] ? <>You are talking to <b>{plainText(models[0].name)}</b>.</> : null} It is a model that continues texts: the prompt makes it answer.</p>
    </div>;
}
