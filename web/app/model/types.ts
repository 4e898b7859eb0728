// What the server keeps (docs/server.md, conversations) and what the page keeps in it.

export type Kind = 'chat' | 'text' | 'prompt';
export type Role = 'system' | 'user' | 'assistant' | 'text';
export type MessageState = 'done' | 'writing' | 'stopped' | 'failed';

/** How an answer was computed; times in ms. */
export interface AnswerFacts {
    model: string;
    path: string;
    started: number;
    first_token_ms: number | null;
    ms: number | null;
    tokens: number;
    prompt_tokens: number | null;
    finish_reason: string | null;
}

/** A part of another message that this one begins with: its first `characters`, with their tokens, and then one
    candidate that was chosen instead of what stood there. */
export interface Origin {
    message: string;
    characters: number;
    chosen?: string;
}

/** The page's own notes on a message. */
export interface Details {
    column?: number;
    label?: string;
    from?: Origin;
    shift?: Shift;
    voice?: Voice;        // who was asked, and under what
}

export interface Message {
    id: string;
    parent: string | null;
    role: Role;
    content: string;
    created: number;
    state: MessageState;
    error: string | null;
    details: Details;
    answer: AnswerFacts | null;
    events: number;       // that the server has kept of it
}

export interface Listed {
    id: string;
    kind: Kind;
    title: string;
    created: number;
    updated: number;
    revision: number;
    deleted: number | null;
    messages: number;
    snippet?: string;
    message?: string;
}

export interface Sampling {
    temperature: number;
    top_p: number;
    top_k: number;   // 0: off
    min_p: number;
    repetition_penalty: number;
    max_tokens: number;
    seed: number | null;
    stop: string[];
}

/** Who answers: a model, under one of the server's prompts or under a specification of the user's own. */
export interface Voice {
    model: string;
    prompt: string;       // '': the server's first
    spec?: string;        // TOML; then `prompt` is only its name
    system: string;
}

/** Two names NAME@PROMPT for /v1/shift. */
export interface Shift {
    base: string;
    aligned: string;
}

/** How answers are shown: as text, coloured by the model's own probabilities, or by what alignment changes. */
export type Colouring = 'text' | 'own' | 'shift';

export interface ChatSettings {
    view: 'chat';
    voice: Voice;
    sampling: Sampling;
    colouring: Colouring;
    shift: Shift;
}

export interface CompareSettings {
    view: 'compare';
    columns: Voice[];
    sampling: Sampling;
}

export interface WriteSettings {
    view: 'write';
    model: string;
    sampling: Sampling;
    count: number;
    shows: boolean;       // tokens are coloured
}

export interface WorkshopSettings {
    view: 'workshop';
    spec: string;         // TOML
    model: string;
    rival: Voice;         // what it is tried against
    sampling: Sampling;
}

export type Settings = ChatSettings | CompareSettings | WriteSettings | WorkshopSettings;

export interface Conversation extends Listed {
    settings: Settings;
    kept: Settings;       // as the server had them at `revision`
    current: string | null;
    items: ReadonlyMap<string, Message>;
}

export interface Model {
    name: string;
    description: string;
    context: number;
    usesAdapters: boolean;
    defaultPrompt: string;
}

export interface Prompt {
    name: string;
    description: string;
}

export const kUsualSampling: Sampling = {
    temperature: 0.7, top_p: 0.95, top_k: 0, min_p: 0, repetition_penalty: 1.1, max_tokens: 512, seed: null, stop: [],
};
