// Choosing who answers: model, prompt, system message, sampling.

import {useEffect, useId, useState} from 'preact/hooks';

import {plainText} from '../../page/text';
import {report} from '../actions';
import {api} from '../api/client';
import {useSelect} from '../app';
import {readSettings} from '../model/settings';
import {store} from '../app';
import type {Listed, Sampling, Shift, Voice} from '../model/types';
import {Area} from './parts';

export function ModelSelect({model, onChange, label = 'Model'}: {model: string; onChange(model: string): void; label?: string}) {
    const models = useSelect((state) => state.models);
    return <select aria-label={label} value={model} onChange={(event) => onChange(event.currentTarget.value)}>
        {models.some(({name}) => name === model) ? null : <option value={model}>{plainText(model) || 'no model'}</option>}
        {models.map(({name}) => <option value={name}>{plainText(name)}</option>)}
    </select>;
}

const kOwn = 'own:';

/** The server's prompts, and those of the workshop. */
export function VoiceSelect({voice, onChange}: {voice: Voice; onChange(voice: Voice): void}) {
    const prompts = useSelect((state) => state.prompts);
    const [own, setOwn] = useState<Listed[]>([]);
    const look = (): void => void api.list({kind: 'prompt', limit: 50}).then(({items}) => setOwn(items), () => undefined);
    useEffect(look, []);
    const choose = async (value: string): Promise<void> => {
        if (value === '') return;
        const {model, system} = voice;
        if (!value.startsWith(kOwn)) return onChange({model, system, prompt: value});
        try {
            const wire = await api.conversation(value.slice(kOwn.length));
            const settings = readSettings('prompt', wire.settings, store.get());
            if (settings.view === 'workshop') onChange({model, system, prompt: wire.title, spec: settings.spec});
        } catch (failure) {
            report(failure);
        }
    };
    const isKnown = voice.spec === undefined && prompts.some(({name}) => name === voice.prompt);
    return <>
        <ModelSelect model={voice.model} onChange={(model) => onChange({...voice, model})} />
        <select aria-label="Prompt" value={isKnown ? voice.prompt : ''} onFocus={look} onChange={(event) => void choose(event.currentTarget.value)}>
            {isKnown ? null : <option value="">{plainText(voice.prompt)}{voice.spec === undefined ? '' : ' (yours)'}</option>}
            {prompts.map(({name, description}) => <option value={name} title={plainText(description)}>{plainText(name)}</option>)}
            {own.length ? <optgroup label="Yours">{own.map(({id, title}) => <option value={kOwn + id}>{plainText(title || 'Untitled')}</option>)}</optgroup> : null}
        </select>
    </>;
}

export function ShiftSelects({shift, onChange}: {shift: Shift; onChange(shift: Shift): void}) {
    const models = useSelect((state) => state.models);
    const prompts = useSelect((state) => state.prompts);
    // The prompt first: it is what differs.
    const sides = models.flatMap(({name}) => prompts.map((prompt) => [`${name}@${prompt.name}`, `${prompt.name} · ${name}`] as const));
    const select = (label: string, side: keyof Shift) => <span class="labelled"><span aria-hidden="true">{label}</span> <select aria-label={label} value={shift[side]}
        onChange={(event) => onChange({...shift, [side]: event.currentTarget.value})}>
        {sides.some(([name]) => name === shift[side]) ? null : <option value={shift[side]}>{plainText(shift[side])}</option>}
        {sides.map(([name, title]) => <option value={name}>{plainText(title)}</option>)}
    </select></span>;
    return <>{select('Base', 'base')}{select('Aligned', 'aligned')}</>;
}

interface NumberProps {
    label: string;
    hint: string;
    value: number | null;
    min: number;
    max: number;
    step: number | 'any';
    onChange(value: number | null): void;
}

function NumberField({label, hint, value, onChange, ...limits}: NumberProps) {
    const id = useId();
    return <div class="number-field">
        <label for={id}>{label}</label>
        <input id={id} type="number" {...limits} value={value ?? ''} aria-describedby={`${id}-hint`}
            onChange={(event) => {
                const {value: typed, validity} = event.currentTarget;
                if (validity.valid) onChange(typed === '' ? null : Number(typed));
            }} />
        <small id={`${id}-hint`}>{hint}</small>
    </div>;
}

export function SamplingFields({sampling, onChange}: {sampling: Sampling; onChange(sampling: Sampling): void}) {
    const field = (name: 'temperature' | 'top_p' | 'top_k' | 'min_p' | 'repetition_penalty' | 'max_tokens', label: string, hint: string,
                   min: number, max: number, step: number | 'any') =>
        <NumberField {...{label, hint, min, max, step}} value={sampling[name]} onChange={(value) => { if (value !== null) onChange({...sampling, [name]: value}); }} />;
    return <div class="sampling">
        {field('temperature', 'Temperature', '0: always the most likely token', 0, 2, 'any')}
        {field('top_p', 'Top p', '1: off', 0.01, 1, 'any')}
        {field('top_k', 'Top k', '0: off', 0, 1000, 1)}
        {field('min_p', 'Min p', '0: off', 0, 1, 'any')}
        {field('repetition_penalty', 'Repetition penalty', '1: off', 0.5, 2, 'any')}
        {field('max_tokens', 'Longest answer', 'tokens', 1, 32768, 1)}
        <NumberField label="Seed" hint="empty: another one each time" value={sampling.seed} min={0} max={2 ** 52} step={1} onChange={(seed) => onChange({...sampling, seed})} />
        <div class="number-field wide-field">
            <label>Stop at <Area value={sampling.stop.map(oneLine).join('\n')} label="Stop at" placeholder="one text a line; \n is a line break"
                onText={(text) => onChange({...sampling, stop: text.split('\n').map(manyLines).filter(Boolean).slice(0, 16)})} /></label>
        </div>
    </div>;
}

function oneLine(text: string): string {
    return text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n');
}

function manyLines(text: string): string {
    return text.replace(/\\(n|\\)/g, (_, character) => character === 'n' ? '\n' : '\\');
}

export function SystemField({voice, onChange}: {voice: Voice; onChange(voice: Voice): void}) {
    return <label class="stacked">System message
        <Area value={voice.system} onText={(system) => onChange({...voice, system})} label="System message"
            placeholder="Stands at the end of the prompt’s preamble" />
    </label>;
}
