// The bodies of requests for answers.

import type {Details, Message, Sampling, Shift, Voice} from './types';

export const kTop = 10;  // candidates of a token

export interface AnswerRequest {
    path: '/v1/chat/completions' | '/v1/completions' | '/v1/shift';
    request: Record<string, unknown>;
}

function samplingFields(sampling: Sampling): Record<string, unknown> {
    const fields: Record<string, unknown> = {
        temperature: sampling.temperature, top_p: sampling.top_p, repetition_penalty: sampling.repetition_penalty, max_tokens: sampling.max_tokens,
    };
    if (sampling.top_k > 0) fields.top_k = sampling.top_k;
    if (sampling.min_p > 0) fields.min_p = sampling.min_p;
    if (sampling.seed !== null) fields.seed = sampling.seed;
    if (sampling.stop.length) fields.stop = sampling.stop;
    return fields;
}

/** `thread`: what the answer follows. */
export function wireMessages(thread: readonly Message[], system: string): {role: string; content: string}[] {
    const spoken = thread.filter(({role, content}) => role !== 'text' && content !== '').map(({role, content}) => ({role: role as string, content}));
    return system.trim() ? [{role: 'system', content: system}, ...spoken] : spoken;
}

export function voiceFields({model, prompt, spec}: Voice): Record<string, unknown> {
    if (spec) return {model, prompt_spec: spec};
    return {model: prompt ? `${model}@${prompt}` : model};
}

/** `beginning`: how the answer has to begin. */
export function chatRequest(thread: readonly Message[], voice: Voice, sampling: Sampling, beginning = ''): AnswerRequest {
    const messages = wireMessages(thread, voice.system);
    const request: Record<string, unknown> = {...voiceFields(voice), messages, ...samplingFields(sampling), logprobs: true, top_logprobs: kTop};
    if (beginning) {
        messages.push({role: 'assistant', content: beginning});
        request.continue_final_message = true;
    }
    return {path: '/v1/chat/completions', request};
}

const kMostNote = 48 * 1024;  // bytes; the server keeps 64 KiB of details

/** How an answer is asked for, to be kept with it. A prompt that is too long for that is left out. */
export function askedAs(voice: Voice): Pick<Details, 'voice'> {
    return new TextEncoder().encode(JSON.stringify(voice)).length <= kMostNote ? {voice} : {};
}

const kMostShiftTokens = 4096;

export function shiftRequest(thread: readonly Message[], {base, aligned}: Shift, system: string, sampling: Sampling, beginning = ''): AnswerRequest {
    const messages = wireMessages(thread, system);
    const request: Record<string, unknown> = {base, aligned, messages, max_tokens: Math.min(sampling.max_tokens, kMostShiftTokens), top_logprobs: kTop};
    if (beginning) {
        messages.push({role: 'assistant', content: beginning});
        request.continue_final_message = true;
    }
    return {path: '/v1/shift', request};
}

export function textRequest(prompt: string, model: string, sampling: Sampling): AnswerRequest {
    return {path: '/v1/completions', request: {model, prompt, ...samplingFields(sampling), logprobs: kTop}};
}

/** "NAME@PROMPT" in its parts; a model's own name may hold '@'. */
export function splitName(name: string, models: readonly {name: string}[]): {model: string; prompt: string} {
    const model = models.map((offered) => offered.name).filter((own) => name === own || name.startsWith(`${own}@`))
        .sort((a, b) => b.length - a.length)[0];
    if (model === undefined) {
        const at = name.lastIndexOf('@');
        return at < 0 ? {model: name, prompt: ''} : {model: name.slice(0, at), prompt: name.slice(at + 1)};
    }
    return {model, prompt: name.slice(model.length + 1)};
}

export function voiceName({model, prompt, spec}: Voice): string {
    return prompt ? `${model} · ${prompt}${spec ? ' (yours)' : ''}` : model;
}
