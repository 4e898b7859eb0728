// Windows over the page: the exact text of an answer, the keys, the bin.

import {useEffect, useMemo, useState} from 'preact/hooks';

import {formatCount, plainText} from '../../page/text';
import {report, restoreConversation} from '../actions';
import {api, type Rendered} from '../api/client';
import {store, toast, useSelect} from '../app';
import {splitName, voiceFields, wireMessages} from '../model/requests';
import {voiceOf} from '../model/settings';
import {threadTo} from '../model/thread';
import type {Conversation, Listed, Message, Voice} from '../model/types';
import {CopyButton, formatWhen, IconButton, Modal} from './parts';

function close(): void {
    store.dispatch({do: 'dialog', dialog: null});
}

interface Asked {
    voice: Voice;
    isKept: boolean;  // with the answer; else it is what the settings say now
}

function askedOf({settings}: Conversation, {details, answer}: Message): Asked | null {
    if (details.voice) return {voice: voiceOf(details.voice, {model: '', prompt: '', system: ''}), isKept: true};
    const name = details.shift?.aligned ?? answer?.model;
    const written = name ? splitName(name, store.get().models) : null;
    const now = (voice: Voice): Asked => ({voice: written?.prompt ? {...written, system: voice.system} : voice, isKept: false});
    switch (settings.view) {
        case 'chat': return now(settings.voice);
        case 'compare': return now(settings.columns[details.column ?? 0] ?? settings.columns[0]!);
        case 'workshop': return now(details.column === 0 ? {model: settings.model, prompt: '', spec: settings.spec, system: ''} : settings.rival);
        case 'write': return null;
    }
}

/** A name that the server has no more is said to be gone. */
function whyNot(failure: unknown, {model, prompt, spec}: Voice): string {
    const {models, prompts} = store.get();
    if (!models.some(({name}) => name === model)) return `The model “${model}”, which wrote this answer, is not there any more.`;
    if (prompt && !spec && !prompts.some(({name}) => name === prompt)) return `The prompt “${prompt}”, under which this answer was written, is not there any more.`;
    return failure instanceof Error ? failure.message : String(failure);
}

function ExactText({conversation, message}: {conversation: string; message: string}) {
    const open = useSelect((state) => state.open.get(conversation));
    const answer = open?.items.get(message);
    const [rendered, setRendered] = useState<Rendered | null>(null);
    const [why, setWhy] = useState('');
    const asked = useMemo(() => open && answer ? askedOf(open, answer) : null, [conversation, message]);
    useEffect(() => {
        if (!open || !answer || !asked) return;
        const {voice} = asked;
        const messages = wireMessages(threadTo(open.items, answer.parent), voice.system);
        api.render({...voiceFields(voice), messages}).then(setRendered, (failure: unknown) => setWhy(whyNot(failure, voice)));
    }, [asked]);
    return <Modal title="Exactly what the model got" onClose={close} wide>
        {why ? <p class="finding error">{plainText(why)}</p> : null}
        {asked && !asked.isKept ? <p class="finding warning">This answer does not say under which settings it was written: this is the text under those of now.</p> : null}
        {rendered ? <>
            <div class="row"><p class="tokens-line"><b>{formatCount(rendered.tokens)}</b> tokens{rendered.prefix_tokens
                ? <>, <b>{formatCount(rendered.prefix_tokens)}</b> of them the same for every question</> : null}. The answer begins where this ends.</p>
                <CopyButton text={rendered.text} what="text" /></div>
            <pre class="exact" tabIndex={0} aria-label="Exact text">{plainText(rendered.text)}</pre>
        </> : why ? null : <p class="note">…</p>}
    </Modal>;
}

const kKeys: readonly (readonly [string, string])[] = [
    ['/', 'search the conversations'],
    ['M', 'to the message box, or the text'],
    ['Alt C', 'new chat'], ['Alt S', 'new side by side'], ['Alt W', 'new text'], ['Alt P', 'new prompt'],
    ['Enter', 'send (Shift Enter: a new line)'],
    ['Esc', 'stop the answer, close what is open, let a token go'],
    ['Tab, ← →', 'walk the tokens of an answer'],
    ['N, P', 'next and previous token that is not among the first three'],
    ['Enter on a token', 'pin it; then Tab leads to its candidates'],
    ['Ctrl Enter', 'in a text: generate at the cursor'],
    ['Ctrl Z, Ctrl Shift Z', 'in a text: undo and redo, also what was generated'],
    ['Alt ← →', 'in a text: the way before and after'], ['Alt ↑ ↓', 'in a text: one piece back, one on'],
    ['Alt 1 … 9', 'in a text: the first, second … candidate in the place of the token at the cursor'],
    ['?', 'this list'],
];

function KeySheet() {
    return <Modal title="Keys" onClose={close}>
        <dl class="keys">{kKeys.map(([keys, text]) => <div><dt>{keys.split(/(, )/).map((part) => part === ', ' ? ', ' : <kbd>{part}</kbd>)}</dt><dd>{text}</dd></div>)}</dl>
    </Modal>;
}

function Bin() {
    const [items, setItems] = useState<Listed[] | null>(null);
    const look = (): void => void api.list({deleted: true, limit: 200}).then((reply) => setItems(reply.items), report);
    useEffect(look, []);
    const removeForever = async (id: string): Promise<void> => {
        await api.remove(id, true).catch(report);
        toast('It is gone.');
        look();
    };
    return <Modal title="Bin" onClose={close}>
        <p class="note">What is here is removed 30 days after it was deleted.</p>
        {items?.length === 0 ? <p>The bin is empty.</p> : null}
        <ul class="bin-list">{items?.map(({id, title, deleted}) => <li key={id}>
            <span class="title">{plainText(title || 'Untitled')}</span><small>{deleted ? formatWhen(deleted) : ''}</small>
            <button type="button" class="quiet" onClick={() => void restoreConversation(id).then(look)}>Put back</button>
            <IconButton icon="close" label={`Remove “${plainText(title || 'Untitled')}” for ever`} onClick={() => void removeForever(id)} />
        </li>)}</ul>
    </Modal>;
}

export function Dialogs() {
    const dialog = useSelect((state) => state.dialog);
    if (dialog?.name === 'keys') return <KeySheet />;
    if (dialog?.name === 'bin') return <Bin />;
    if (dialog?.name === 'exact') return <ExactText conversation={dialog.conversation} message={dialog.message} />;
    return null;
}
