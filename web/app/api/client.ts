// The server's API as the page uses it (docs/server.md). Whatever goes wrong is an ApiError in words.

import type {AnswerRequest} from '../model/requests';
import type {AnswerFacts, Details, Kind, Listed, Message, Model, Prompt} from '../model/types';

export class ApiError extends Error {
    constructor(message: string, readonly status: number, readonly code: string | null = null, readonly retryAfter: number | null = null) {
        super(message);
    }
}

/** 0: there was no reply at all. */
const kNoReply = 0;

export function isAway(failure: unknown): boolean {
    return failure instanceof ApiError && (failure.status === kNoReply || failure.status === 502 || failure.status === 503 || failure.status === 504);
}

export interface WireConversation extends Listed {
    settings: unknown;
    current: string | null;
    wireMessages: Message[];
}

export interface Rendered {
    text: string;
    tokens: number;
    prefix_tokens: number | null;
    context: number | null;
    findings: {level: string; text: string}[];
}

type Json = Record<string, unknown>;

function factsOf(json: Json | null | undefined): AnswerFacts | null {
    if (!json) return null;
    const number = (value: unknown): number | null => typeof value === 'number' ? value : null;
    return {model: String(json.model ?? ''), path: String(json.path ?? ''), started: number(json.started) ?? 0, first_token_ms: number(json.first_token_ms),
            ms: number(json.ms), tokens: number(json.tokens) ?? 0, prompt_tokens: number(json.prompt_tokens),
            finish_reason: typeof json.finish_reason === 'string' ? json.finish_reason : null};
}

function messageOf(json: Json): Message {
    return {
        id: String(json.id), parent: (json.parent as string | null) ?? null, role: json.role as Message['role'], content: String(json.content ?? ''),
        created: Number(json.created ?? 0), state: (json.state as Message['state']) ?? 'done', error: (json.error as string | null) ?? null,
        details: typeof json.details === 'object' && json.details !== null && !Array.isArray(json.details) ? json.details as Details : {},
        answer: factsOf(json.answer as Json | null), events: Number(json.events ?? 0),
    };
}

function messagesOf(json: Json): Message[] {
    return Array.isArray(json.messages) ? json.messages.map((message) => messageOf(message as Json)) : [];
}

function conversationOf(json: Json): WireConversation {
    const wireMessages = messagesOf(json);
    return {...json as unknown as Listed, messages: wireMessages.length, settings: json.settings, current: (json.current as string | null) ?? null,
            wireMessages};
}

function modelsOf(json: Json): Model[] {
    const data = (Array.isArray(json.data) ? json.data : []) as Json[];
    const names = data.map(({id}) => String(id));
    // The list has NAME and NAME@PROMPT; a model's own name may hold '@'.
    return data.filter(({id}) => !names.some((name) => name !== id && String(id).startsWith(`${name}@`))).map((entry) => {
        const more = (entry.urial ?? {}) as Json;
        const adapters = Array.isArray(entry.adapters) ? entry.adapters.length : 0;
        return {name: String(entry.id), description: String(entry.description ?? ''), context: Number(more.context ?? entry.max_model_len ?? 0),
                usesAdapters: Boolean(more.uses_adapters ?? adapters > 0), defaultPrompt: String(more.default_prompt ?? entry.prompt ?? '')};
    });
}

const kKeyName = 'urial-key';

export function storedKey(): string | null {
    return sessionStorage.getItem(kKeyName) ?? localStorage.getItem(kKeyName);
}

export function storeKey(key: string, remember: boolean): void {
    forgetKey();
    (remember ? localStorage : sessionStorage).setItem(kKeyName, key);
}

export function forgetKey(): void {
    localStorage.removeItem(kKeyName);
    sessionStorage.removeItem(kKeyName);
}

async function failureOf(response: Response): Promise<ApiError> {
    const text = await response.text().catch(() => '');
    let error: Json = {};
    try {
        error = ((JSON.parse(text) as Json).error ?? {}) as Json;
    } catch {
        // Not ours: a proxy's page.
    }
    const retryAfter = Number(response.headers.get('retry-after'));
    return new ApiError(typeof error.message === 'string' ? error.message : `The server replied with status ${response.status}.`, response.status,
                        typeof error.code === 'string' ? error.code : null, retryAfter > 0 ? retryAfter : null);
}

/** The reply, whose body is not read yet. */
export async function send(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = {};
    const key = storedKey();
    if (key) headers.authorization = `Bearer ${key}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const init: RequestInit = {method, headers, signal: signal ?? null, cache: 'no-store'};
    if (body !== undefined) init.body = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(path, init).catch((failure: unknown) => {
        if (failure instanceof DOMException && failure.name === 'AbortError') throw failure;
        throw new ApiError('The server does not answer. It may have been stopped, or is starting.', kNoReply);
    });
    if (!response.ok) throw await failureOf(response);
    return response;
}

async function json(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Json> {
    const response = await send(method, path, body, signal);
    const text = await response.text();
    return text ? JSON.parse(text) as Json : {};
}

const at = (id: string, rest = ''): string => `v1/conversations/${encodeURIComponent(id)}${rest}`;
const messageAt = (id: string, message: string, rest = ''): string => at(id, `/messages/${encodeURIComponent(message)}${rest}`);

export interface NewMessage {
    parent: string | null;
    role: Message['role'];
    content: string;
    details?: Details;
}

export interface NewAnswer extends AnswerRequest {
    parent: string | null;
    count?: number;
    content?: string;
    details?: Details;
}

export const api = {
    models: async (): Promise<Model[]> => modelsOf(await json('GET', 'v1/models')),
    prompts: async (): Promise<Prompt[]> => ((await json('GET', 'v1/prompts')).data as Json[]).map(
        (prompt) => ({name: String(prompt.id), description: String(prompt.description ?? '')})),
    prompt: async (name: string): Promise<string> => String((await json('GET', `v1/prompts/${encodeURIComponent(name)}`)).spec ?? ''),

    list: async (query: {q?: string; cursor?: string; deleted?: boolean; kind?: Kind; limit?: number}, signal?: AbortSignal): Promise<{items: Listed[]; next: string | null}> => {
        const fields = Object.entries(query).filter(([, value]) => value !== undefined && value !== '').map(([name, value]) => [name, String(value)]);
        const reply = await json('GET', `v1/conversations?${new URLSearchParams(fields)}`, undefined, signal);
        return {items: reply.data as Listed[], next: (reply.next as string | null) ?? null};
    },
    create: async (kind: Kind, title: string, settings: unknown): Promise<WireConversation> =>
        conversationOf(await json('POST', 'v1/conversations', {kind, title, settings})),
    conversation: async (id: string): Promise<WireConversation> => conversationOf(await json('GET', at(id))),
    change: async (id: string, fields: Json): Promise<Json> => json('PATCH', at(id), fields),
    remove: async (id: string, forever = false): Promise<Json> => json('DELETE', at(id, forever ? '?forever=true' : '')),

    addMessages: async (id: string, messages: NewMessage[]): Promise<Message[]> =>
        messagesOf(await json('POST', at(id, '/messages'), {messages})),
    message: async (id: string, message: string): Promise<Message> => messageOf(await json('GET', messageAt(id, message))),
    changeMessage: async (id: string, message: string, fields: Json): Promise<Json> => json('PATCH', messageAt(id, message), fields),
    removeMessage: async (id: string, message: string): Promise<Json> => json('DELETE', messageAt(id, message)),
    answer: async (id: string, answer: NewAnswer): Promise<Message[]> => messagesOf(await json('POST', at(id, '/answers'), answer)),
    stop: async (id: string, message: string): Promise<Json> => json('POST', messageAt(id, message, '/stop'), {}),
    events: (id: string, message: string, from: number, signal: AbortSignal): Promise<Response> =>
        send('GET', messageAt(id, message, `/events?from=${from}`), undefined, signal),

    exported: async (id: string | null, format: 'json' | 'markdown'): Promise<string> =>
        (await send('GET', id === null ? 'v1/export' : at(id, `/export?format=${format}`))).text(),
    import: async (text: string): Promise<Json> => json('POST', 'v1/import', text),
    render: async (body: Json, signal?: AbortSignal): Promise<Rendered> => await json('POST', 'v1/render', body, signal) as unknown as Rendered,
    score: (body: Json, signal: AbortSignal): Promise<Response> => send('POST', 'v1/shift', {...body, stream: true}, signal),
};
