// Settings of new conversations, and of stored ones, which may come from an import: what is missing or of another type
// gets its usual value.

import {kKindOfView, type View} from './state';
import {type Colouring, type Kind, type Model, type Prompt, type Sampling, type Settings, type Shift, type Voice, kUsualSampling} from './types';

type Loose = Record<string, unknown>;

function loose(value: unknown): Loose {
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Loose : {};
}

function text(value: unknown, usual: string): string {
    return typeof value === 'string' ? value : usual;
}

function number(value: unknown, usual: number, low: number, high: number): number {
    return typeof value === 'number' && value >= low && value <= high ? value : usual;
}

function samplingOf(value: unknown, usual: Sampling): Sampling {
    const from = loose(value);
    return {
        temperature: number(from.temperature, usual.temperature, 0, 2),
        top_p: number(from.top_p, usual.top_p, 0.01, 1),
        top_k: number(from.top_k, usual.top_k, 0, 1e6),
        min_p: number(from.min_p, usual.min_p, 0, 1),
        repetition_penalty: number(from.repetition_penalty, usual.repetition_penalty, 0.5, 2),
        max_tokens: Math.round(number(from.max_tokens, usual.max_tokens, 1, 1e6)),
        seed: typeof from.seed === 'number' && Number.isSafeInteger(from.seed) ? from.seed : null,
        stop: Array.isArray(from.stop) ? from.stop.filter((stop): stop is string => typeof stop === 'string' && stop !== '').slice(0, 16) : [],
    };
}

export function voiceOf(value: unknown, usual: Voice): Voice {
    const from = loose(value);
    const voice: Voice = {model: text(from.model, usual.model), prompt: text(from.prompt, usual.prompt), system: text(from.system, usual.system)};
    if (typeof from.spec === 'string' && from.spec !== '') voice.spec = from.spec;
    return voice;
}

export interface Offer {
    models: readonly Model[];
    prompts: readonly Prompt[];
}

/** Who is compared: two models where there are two, else the model with and without a prompt. */
export function usualShift({models, prompts}: Offer): Shift {
    const base = models.find(({usesAdapters}) => !usesAdapters) ?? models[0];
    const aligned = models.find((model) => model !== base);
    const name = base?.name ?? '';
    if (aligned) return {base: `${name}@zero-shot`, aligned: `${aligned.name}@chat`};
    const prompt = prompts.find((offered) => offered.name === 'urial')?.name ?? base?.defaultPrompt ?? 'urial';
    return {base: `${name}@zero-shot`, aligned: `${name}@${prompt}`};
}

function usualColumns(offer: Offer): Voice[] {
    const base = offer.models.find(({usesAdapters}) => !usesAdapters) ?? offer.models[0];
    const aligned = offer.models.find((model) => model !== base);
    const voice = (model: string, prompt: string): Voice => ({model, prompt, system: ''});
    const name = base?.name ?? '';
    return [voice(name, 'raw'), voice(name, 'zero-shot'), voice(name, 'urial'), ...(aligned ? [voice(aligned.name, 'chat')] : [])];
}

const kEmptySpec = 'name = "mine"\npreamble = """\nBelow are conversations with a helpful assistant.\n"""\n\n' +
    '[style]\nquery = "# Query:"\nanswer = "# Answer:"\nfenced = true\n';

export function usualSettings(view: View, offer: Offer): Settings {
    const model = offer.models[0]?.name ?? '';
    const voice: Voice = {model, prompt: offer.models[0]?.defaultPrompt ?? '', system: ''};
    switch (view) {
        case 'chat': return {view, voice, sampling: kUsualSampling, colouring: 'text', shift: usualShift(offer)};
        case 'compare': return {view, columns: usualColumns(offer), sampling: {...kUsualSampling, temperature: 0, max_tokens: 200}};
        case 'write': return {view, model, sampling: {...kUsualSampling, temperature: 0.9, max_tokens: 40}, count: 3, shows: true};
        case 'workshop': return {view, spec: kEmptySpec, model, rival: {model, prompt: 'urial', system: ''},
                                 sampling: {...kUsualSampling, temperature: 0, max_tokens: 200}};
    }
}

function viewOf(kind: Kind, from: Loose): View {
    if (kind === 'chat') return from.view === 'compare' ? 'compare' : 'chat';
    return kind === 'text' ? 'write' : 'workshop';
}

const kMostColumns = 6;

export function readSettings(kind: Kind, value: unknown, offer: Offer): Settings {
    const from = loose(value);
    const view = viewOf(kind, from);
    const usual = usualSettings(view, offer);
    const sampling = samplingOf(from.sampling, usual.sampling);
    switch (usual.view) {
        case 'chat': {
            const shift = loose(from.shift);
            const colouring: Colouring = from.colouring === 'own' || from.colouring === 'shift' ? from.colouring : 'text';
            return {view: 'chat', voice: voiceOf(from.voice, usual.voice), sampling, colouring,
                    shift: {base: text(shift.base, usual.shift.base), aligned: text(shift.aligned, usual.shift.aligned)}};
        }
        case 'compare': {
            const columns = Array.isArray(from.columns) ? from.columns.slice(0, kMostColumns).map((column) => voiceOf(column, usual.columns[0]!)) : [];
            return {view: 'compare', columns: columns.length ? columns : usual.columns, sampling};
        }
        case 'write':
            return {view: 'write', model: text(from.model, usual.model), sampling, count: Math.round(number(from.count, usual.count, 1, 8)),
                    shows: from.shows !== false};
        case 'workshop':
            return {view: 'workshop', spec: text(from.spec, usual.spec), model: text(from.model, usual.model), rival: voiceOf(from.rival, usual.rival),
                    sampling};
    }
}

export function kindOf(settings: Settings): Kind {
    return kKindOfView[settings.view];
}
