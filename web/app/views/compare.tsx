// Side by side: one question to several voices at once.

import {useMemo} from 'preact/hooks';

import {ensure, removeMessage, setSettings} from '../actions';
import {store} from '../app';
import {roundsOf} from '../model/rounds';
import {titleOf} from '../model/thread';
import type {CompareSettings, Conversation, Message, Voice} from '../model/types';
import {Composer, Scroller, Spoken, ViewHeader} from './chat';
import {IconButton, Modal} from './parts';
import {askAll, RoundView} from './rounds';
import {SamplingFields, SystemField, VoiceSelect} from './voice';
import {useState} from 'preact/hooks';

const kMostColumns = 6;

function ColumnHeads({settings, onChange}: {settings: CompareSettings; onChange(columns: Voice[]): void}) {
    const [edited, setEdited] = useState<number | null>(null);
    const {columns} = settings;
    const change = (at: number, voice: Voice): void => onChange(columns.map((column, i) => i === at ? voice : column));
    const voice = edited === null ? undefined : columns[edited];
    return <div class="column-heads" style={{'--columns': String(columns.length)}} role="group" aria-label="Columns">
        {columns.map((column, at) => <div class="column-head" key={at} role="group" aria-label={`Column ${at + 1}`}>
            <VoiceSelect voice={column} onChange={(changed) => change(at, changed)} />
            <IconButton icon="settings" label={`System message of column ${at + 1}`} onClick={() => setEdited(at)} pressed={column.system !== ''} />
            {columns.length > 1 ? <IconButton icon="close" label={`Remove column ${at + 1}`} onClick={() => onChange(columns.filter((_, i) => i !== at))} /> : null}
        </div>)}
        {voice !== undefined && edited !== null ? <Modal title={`Column ${edited + 1}`} onClose={() => setEdited(null)}>
            <SystemField voice={voice} onChange={(changed) => change(edited, changed)} />
        </Modal> : null}
    </div>;
}

export function writingOf(conversation: Conversation | null): Message[] {
    return conversation ? [...conversation.items.values()].filter(({state}) => state === 'writing') : [];
}

export function CompareView({conversation, settings}: {conversation: Conversation | null; settings: CompareSettings}) {
    const [showsSettings, setShowsSettings] = useState(false);
    const {columns, sampling} = settings;
    const rounds = useMemo(() => conversation ? roundsOf(conversation.items, columns.length) : [], [conversation?.items, columns.length]);
    const writing = writingOf(conversation).map(({id}) => id);
    const change = (part: Partial<CompareSettings>): void => setSettings({...settings, ...part});
    const send = async (text: string): Promise<boolean> => {
        const {id} = await ensure(titleOf(text));
        return askAll(id, text, columns, sampling);
    };
    return <div class="view compare-view">
        <ViewHeader conversation={conversation} usual="Side by side">
            {columns.length < kMostColumns ? <IconButton icon="plus" label="Add a column" shows onClick={() => change({columns: [...columns, columns.at(-1)!]})} /> : null}
            <IconButton icon="settings" label="Sampling" onClick={() => setShowsSettings(true)} />
        </ViewHeader>
        <div class="thread-side">
            <Scroller follows={`${conversation?.id ?? ''} ${rounds.length}`} shows=".round">
                <ColumnHeads settings={settings} onChange={(changed) => change({columns: changed})} />
                {conversation ? rounds.map((round) => <RoundView key={round.question.id} {...{conversation, round, columns, sampling}}
                    onDelete={() => void removeMessage(store.get().open.get(conversation.id)!, round.question)} />) : null}
                {rounds.length === 0 ? <div class="empty-thread"><p>One question goes to every column at once: the model as it is, the model under a
                    prompt, another prompt, an aligned model.</p></div> : null}
            </Scroller>
            <Composer name={conversation?.id ?? 'new-compare'} writing={writing} onSend={send} placeholder="Ask them all">
                <div class="voice-row"><span class="note">{columns.length} answers to each question</span></div>
            </Composer>
        </div>
        {showsSettings ? <Modal title="Sampling of every column" onClose={() => setShowsSettings(false)}>
            <SamplingFields sampling={sampling} onChange={(changed) => change({sampling: changed})} />
        </Modal> : null}
        <Spoken writing={writing.length > 0} />
    </div>;
}
