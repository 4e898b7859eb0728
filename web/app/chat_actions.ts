// What people do in a chat.

import {addMessages, ask, begin, ensure, report, setSettings} from './actions';
import {ApiError, type NewAnswer} from './api/client';
import {store} from './app';
import {askedAs, chatRequest, shiftRequest, splitName, voiceName} from './model/requests';
import {currentOf} from './model/state';
import {threadTo, titleOf} from './model/thread';
import {type ChatSettings, type Conversation, kUsualSampling, type Message, type Voice} from './model/types';
import {usualShift} from './model/settings';

function alignedVoice({shift, voice}: ChatSettings): Voice {
    return {...splitName(shift.aligned, store.get().models), system: voice.system};
}

/** What is asked below a message. `beginning`: how the answer has to begin. */
function answerFor(thread: readonly Message[], settings: ChatSettings, beginning = ''): NewAnswer {
    const parent = thread.at(-1)?.id ?? null;
    const {voice, sampling, shift} = settings;
    if (settings.colouring !== 'shift') return {parent, ...chatRequest(thread, voice, sampling, beginning), details: askedAs(voice)};
    return {parent, ...shiftRequest(thread, shift, voice.system, sampling, beginning), details: {shift, ...askedAs(alignedVoice(settings))}};
}

/** Resolves to whether the message was taken; if not, it stays in the box. */
export async function send(text: string): Promise<boolean> {
    if (!text.trim()) return false;
    try {
        const {id} = await ensure(titleOf(text));
        const conversation = store.get().open.get(id)!;
        await addMessages(id, [{parent: conversation.current, role: 'user', content: text}]);
        void answerLast(id);
        return true;
    } catch (failure) {
        report(failure);
        return false;
    }
}

/** Answers the message that is shown last. */
async function answerLast(id: string): Promise<void> {
    const conversation = store.get().open.get(id);
    if (!conversation || conversation.settings.view !== 'chat') return;
    await tryAsk(id, answerFor(threadTo(conversation.items, conversation.current), conversation.settings));
}

const kMostWaits = 5;

/** A full queue is asked again a few times, when it says that it may be. */
export async function tryAsk(id: string, answer: NewAnswer, current = true): Promise<Message[]> {
    for (let attempt = 0;; ++attempt) {
        try {
            return await ask(id, answer, current);
        } catch (failure) {
            if (!(failure instanceof ApiError) || failure.status !== 429 || attempt === kMostWaits) {
                report(failure);
                return [];
            }
            const seconds = Math.min(failure.retryAfter ?? 1, 10);
            if (attempt === 0) report(new Error(`${failure.message} Trying again.`));
            await new Promise((resume) => setTimeout(resume, 1000 * seconds));
        }
    }
}

export async function regenerate(conversation: Conversation, settings: ChatSettings, message: Message): Promise<void> {
    await tryAsk(conversation.id, answerFor(threadTo(conversation.items, message.parent), settings));
}

/** Answers what stands last: after an answer was deleted, or never came. */
export async function answerAgain(conversation: Conversation): Promise<void> {
    await answerLast(conversation.id);
}

/** Another version beside the old one; a message of the user is answered anew. */
export async function editMessage(conversation: Conversation, settings: ChatSettings, message: Message, text: string): Promise<void> {
    try {
        const role = message.role === 'user' ? 'user' : 'assistant';
        const [made] = await addMessages(conversation.id, [{parent: message.parent, role, content: text}]);
        if (role !== 'user' || !made) return;
        const items = store.get().open.get(conversation.id)?.items ?? conversation.items;
        await tryAsk(conversation.id, answerFor(threadTo(items, made.id), settings));
    } catch (failure) {
        report(failure);
    }
}

/** A new branch that begins with this part of an answer and the token that was chosen. */
export async function continueFrom(conversation: Conversation, settings: ChatSettings, message: Message, kept: string, chosen: string): Promise<void> {
    const thread = threadTo(conversation.items, message.parent);
    const content = kept + chosen;
    const from = {message: message.id, characters: kept.length, chosen};
    const answer = answerFor(thread, settings, content);
    try {
        await ask(conversation.id, {...answer, content, details: {...answer.details, from}});
    } catch (failure) {
        // A server that compares only whole answers lets the aligned model go on; its answer is compared when it is there.
        if (answer.path !== '/v1/shift' || !(failure instanceof ApiError) || failure.status !== 400) return report(failure);
        const voice = alignedVoice(settings);
        const sampling = {...kUsualSampling, temperature: 0, repetition_penalty: 1, max_tokens: settings.sampling.max_tokens};
        await tryAsk(conversation.id, {...chatRequest(thread, voice, sampling, content), parent: thread.at(-1)?.id ?? null, content,
                                         details: {from, ...askedAs(voice)}});
    }
}

/** A question and one of its answers become a chat of their own. */
export async function keepAsChat(question: Message, answer: Message, voice: Voice): Promise<void> {
    try {
        const settings: ChatSettings = {view: 'chat', voice, sampling: kUsualSampling, colouring: 'text', shift: usualShift(store.get())};
        const made = await begin(settings, titleOf(question.content));
        await addMessages(made.id, [{parent: null, role: 'user', content: question.content},
                                    {parent: 'previous', role: 'assistant', content: answer.content, details: {label: voiceName(voice), ...(answer.details.voice ? {voice: answer.details.voice} : {})}}]);
    } catch (failure) {
        report(failure);
    }
}

/** Changes the settings of the chat that is open or about to begin. */
export function changeChat(change: Partial<ChatSettings>): void {
    const state = store.get();
    const settings = currentOf(state)?.settings ?? state.draft;
    if (settings?.view === 'chat') setSettings({...settings, ...change});
}
