// The prompt workshop: an in-context prompt is edited in parts; what the model would get, and what is wrong with it,
// stands beside it; questions are tried under it and under another prompt.

import {useEffect, useMemo, useRef, useState} from 'preact/hooks';

import {counted, formatCount, plainText} from '../../page/text';
import {begin, ensure, removeMessage, rename, report, setSettings} from '../actions';
import {api, ApiError, type Rendered} from '../api/client';
import {store, toast, useSelect} from '../app';
import {saveFile} from '../file_actions';
import {fileNameOf, type Example, kNewTurn, type PromptSpec, readPromptSpec, type Turn, writePromptSpec} from '../model/prompt_spec';
import {roundsOf} from '../model/rounds';
import {usualSettings} from '../model/settings';
import {titleOf} from '../model/thread';
import type {Conversation, Voice, WorkshopSettings} from '../model/types';
import {Composer, Scroller, Spoken, ViewHeader} from './chat';
import {writingOf} from './compare';
import {Area, CopyButton, IconButton, Segments} from './parts';
import {askAll, RoundView} from './rounds';
import {VoiceSelect} from './voice';

type Side = 'exact' | 'try' | 'file';

interface Read {
    spec: PromptSpec | null;
    why: string;
}

function read(text: string): Read {
    try {
        return {spec: readPromptSpec(text), why: ''};
    } catch (failure) {
        return {spec: null, why: (failure as Error).message};
    }
}

function TurnFields({turn, number, onChange}: {turn: Turn; number: string; onChange(turn: Turn): void}) {
    return <>
        <label class="stacked">Query <Area value={turn.query} onText={(query) => onChange({...turn, query})} label={`Query of example ${number}`} /></label>
        <label class="stacked">Answer <Area value={turn.answer} onText={(answer) => onChange({...turn, answer})} label={`Answer of example ${number}`} /></label>
    </>;
}

function ExampleCard({example, at, count, onChange, onMove, onRemove}:
    {example: Example; at: number; count: number; onChange(example: Example): void; onMove(step: 1 | -1): void; onRemove(): void}) {
    return <section class="card example" aria-label={`Example ${at + 1}`}>
        <header><h2>Example {at + 1}</h2>
            <IconButton icon="up" label={`Move example ${at + 1} up`} disabled={at === 0} onClick={() => onMove(-1)} />
            <IconButton icon="down" label={`Move example ${at + 1} down`} disabled={at === count - 1} onClick={() => onMove(1)} />
            <IconButton icon="plus" label={`Add a turn to example ${at + 1}`} onClick={() => onChange({...example, turns: [...example.turns, kNewTurn]})} />
            <IconButton icon="bin" label={`Remove example ${at + 1}`} onClick={onRemove} />
        </header>
        {example.turns.map((turn, i) => <TurnFields key={i} turn={turn} number={example.turns.length > 1 ? `${at + 1}, turn ${i + 1}` : String(at + 1)}
            onChange={(changed) => onChange({...example, turns: example.turns.map((other, j) => j === i ? changed : other)})} />)}
    </section>;
}

function StyleFields({spec, onChange}: {spec: PromptSpec; onChange(spec: PromptSpec): void}) {
    const {style} = spec;
    if (!style) return <p class="note">This prompt has a form of its own, given by literal texts: edit it under “File”.</p>;
    const change = (part: Partial<typeof style>): void => onChange({...spec, style: {...style, ...part}});
    return <fieldset class="style-fields"><legend>Headers</legend>
        <label>Query <input value={style.query} onInput={(event) => change({query: event.currentTarget.value})} /></label>
        <label>Answer <input value={style.answer} onInput={(event) => change({answer: event.currentTarget.value})} /></label>
        <label class="check"><input type="checkbox" checked={style.fenced} onChange={(event) => change({fenced: event.currentTarget.checked})} /> between lines of three backticks</label>
    </fieldset>;
}

function Parts({spec, onChange}: {spec: PromptSpec; onChange(spec: PromptSpec): void}) {
    const {examples} = spec;
    const change = (list: Example[]): void => onChange({...spec, examples: list});
    const move = (at: number, step: 1 | -1): void => {
        const list = [...examples];
        [list[at], list[at + step]] = [list[at + step]!, list[at]!];
        change(list);
    };
    return <div class="parts">
        <div class="pair">
            <label class="stacked">Name <input value={spec.name} maxLength={100} onInput={(event) => onChange({...spec, name: event.currentTarget.value})} /></label>
            <label class="stacked">What it is for <input value={spec.description} onInput={(event) => onChange({...spec, description: event.currentTarget.value})} /></label>
        </div>
        <label class="stacked">Preamble <Area value={spec.preamble} onText={(preamble) => onChange({...spec, preamble})} label="Preamble" /></label>
        <StyleFields spec={spec} onChange={onChange} />
        {examples.map((example, at) => <ExampleCard key={at} {...{example, at}} count={examples.length} onMove={(step) => move(at, step)}
            onChange={(changed) => change(examples.map((other, i) => i === at ? changed : other))}
            onRemove={() => {
                change(examples.filter((_, i) => i !== at));
                toast(`Example ${at + 1} is removed.`, {undo: () => onChange(spec)});
            }} />)}
        <IconButton icon="plus" label="Add an example" shows
            onClick={() => change([...examples, {turns: [kNewTurn], rest: Object.create(null) as Example['rest']}])} />
    </div>;
}

const kRenderPause = 350;  // ms without a key

interface Live {
    rendered: Rendered | null;
    why: string;
}

/** What the model would get, a moment after the last change. */
function useRendered(spec: string, model: string, query: string): Live {
    const [live, setLive] = useState<Live>({rendered: null, why: ''});
    useEffect(() => {
        const aborter = new AbortController();
        const timer = setTimeout(() => {
            api.render({model, prompt_spec: spec, messages: [{role: 'user', content: query.trim() || 'Why is the sky blue?'}]}, aborter.signal)
                .then((rendered) => setLive({rendered, why: ''}), (failure: unknown) => {
                    if (failure instanceof ApiError) setLive((before) => ({...before, why: failure.message}));
                });
        }, kRenderPause);
        return () => {
            clearTimeout(timer);
            aborter.abort();
        };
    }, [spec, model, query]);
    return live;
}

export function Findings({rendered, why}: Live) {
    return <div aria-live="polite" class="findings">
        {why ? <p class="finding error">{plainText(why)}</p> : null}
        {rendered && !why ? <p class="tokens-line"><b>{formatCount(rendered.tokens)}</b> tokens
            {rendered.prefix_tokens ? <>, <b>{formatCount(rendered.prefix_tokens)}</b> of them the same for every question</> : null}
            {rendered.context ? <> · the context holds {formatCount(rendered.context)}</> : null}</p> : null}
        {rendered && !why ? rendered.findings.map(({level, text}) => <p class={`finding ${level === 'error' ? 'error' : level === 'warning' ? 'warning' : 'info'}`}>
            <b>{plainText(level)}</b> {plainText(text)}</p>) : null}
        {rendered && !why && rendered.findings.length === 0 ? <p class="finding good">Nothing to complain about.</p> : null}
    </div>;
}

function Exact({settings, query, onQuery}: {settings: WorkshopSettings; query: string; onQuery(query: string): void}) {
    const live = useRendered(settings.spec, settings.model, query);
    return <>
        <label class="stacked">With the question <input value={query} placeholder="Why is the sky blue?" onInput={(event) => onQuery(event.currentTarget.value)} /></label>
        <Findings {...live} />
        {live.rendered ? <pre class="exact" tabIndex={0} aria-label="Exact text">{plainText(live.rendered.text)}</pre> : null}
    </>;
}

function Trial({conversation, settings, columns}: {conversation: Conversation | null; settings: WorkshopSettings; columns: readonly Voice[]}) {
    const rounds = useMemo(() => conversation ? roundsOf(conversation.items, 2) : [], [conversation?.items]);
    const writing = writingOf(conversation).map(({id}) => id);
    const {sampling, rival} = settings;
    const ask = async (text: string): Promise<boolean> => {
        const {id} = await ensure(titleOf(columns[0]!.prompt) || 'Prompt');
        return askAll(id, text, columns, sampling);
    };
    const again = async (): Promise<void> => {
        if (!conversation) return;
        for (const {question} of rounds) await askAll(conversation.id, question.content, columns, sampling);
    };
    return <div class="trial">
        <div class="colour-bar"><span class="labelled">Against</span><VoiceSelect voice={rival} onChange={(changed) => setSettings({...settings, rival: changed})} />
            {rounds.length ? <IconButton icon="again" label="Ask all again" shows onClick={() => void again()} disabled={writing.length > 0} /> : null}</div>
        <Scroller follows={`${conversation?.id ?? ''} ${rounds.length}`} shows=".round">
            {conversation ? rounds.map((round) => <RoundView key={round.question.id} {...{conversation, round, columns, sampling}}
                onDelete={() => void removeMessage(store.get().open.get(conversation.id)!, round.question)} />) : null}
            {rounds.length ? null : <div class="empty-thread"><p>Every question is answered under this prompt and under the other one.</p></div>}
        </Scroller>
        <Composer name={conversation?.id ?? 'new-workshop'} writing={writing} onSend={ask} placeholder="Try a question" />
        <Spoken writing={writing.length > 0} />
    </div>;
}

async function openBuiltIn(name: string, onSpec: (text: string) => void): Promise<void> {
    try {
        onSpec(await api.prompt(name));
    } catch (failure) {
        report(failure);
    }
}

export function WorkshopView({conversation, settings}: {conversation: Conversation | null; settings: WorkshopSettings}) {
    const prompts = useSelect((state) => state.prompts);
    const [side, setSide] = useState<Side>('exact');
    const [query, setQuery] = useState('');
    const file = useRef<HTMLInputElement>(null);
    const {spec, why} = useMemo(() => read(settings.spec), [settings.spec]);
    const name = spec?.name || 'mine';
    const columns: Voice[] = [{model: settings.model, prompt: name, spec: settings.spec, system: ''}, settings.rival];

    const setSpec = (text: string): void => {
        const before = settings.spec;
        setSettings({...settings, spec: text});
        const title = read(text).spec?.name;
        if (conversation && title && title !== conversation.title) void rename(conversation.id, title);
        else if (!conversation && text !== before) void begin({...settings, spec: text}, title || 'Prompt').catch(report);
    };
    const replace = (text: string): void => {
        const before = settings.spec;
        setSpec(text);
        toast('The prompt is replaced.', {undo: () => setSpec(before)});
    };
    const useInChat = (): void => {
        const chat = usualSettings('chat', store.get());
        if (chat.view === 'chat') void begin({...chat, voice: columns[0]!}, `Chat under ${name}`).catch(report);
    };
    return <div class="view workshop-view">
        <ViewHeader conversation={conversation} usual="New prompt">
            <select aria-label="Begin with" value="" onChange={(event) => {
                const chosen = event.currentTarget.value;
                event.currentTarget.value = '';
                void openBuiltIn(chosen, replace);
            }}>
                <option value="">Begin with …</option>
                {prompts.filter((prompt) => prompt.name !== 'chat').map((prompt) => <option value={prompt.name}>{plainText(prompt.name)}</option>)}
            </select>
            <input ref={file} type="file" accept=".toml,.txt" hidden aria-label="Prompt file" onChange={(event) => {
                const [chosen] = event.currentTarget.files ?? [];
                event.currentTarget.value = '';
                void chosen?.text().then(replace);
            }} />
            <IconButton icon="open" label="Open a file" onClick={() => file.current?.click()} />
            <IconButton icon="save" label="Save as a file for --prompt" onClick={() => saveFile(spec ? fileNameOf(spec) : 'prompt.toml', 'application/toml', settings.spec)} />
            <button type="button" class="quiet" onClick={useInChat}>Use in a chat</button>
        </ViewHeader>
        <div class="workshop-columns">
            <div class="scroller workshop-parts">{spec ? <Parts spec={spec} onChange={(changed) => setSpec(writePromptSpec(changed))} />
                : <p class="finding error">The file cannot be read: {plainText(why)}</p>}
                {spec ? <p class="note">{counted(spec.examples.length, 'example')}</p> : null}</div>
            <div class="workshop-side">
                <Segments<Side> label="Beside the prompt" value={side} onChange={setSide} options={[['exact', 'Exact text'], ['try', 'Try it'], ['file', 'File']]} />
                {side === 'exact' ? <div class="scroller side-body"><Exact settings={settings} query={query} onQuery={setQuery} /></div> : null}
                {side === 'try' ? <Trial conversation={conversation} settings={settings} columns={columns} /> : null}
                {side === 'file' ? <div class="scroller side-body">
                    <div class="row"><p class="note">What <code>--prompt</code> takes.</p><CopyButton text={settings.spec} what="file" /></div>
                    <Area value={settings.spec} onText={setSpec} label="Prompt file" spellcheck={false} class="file-text" />
                </div> : null}
            </div>
        </div>
    </div>;
}
