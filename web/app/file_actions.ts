// Conversations as files.

import {counted, formatCount} from '../page/text';
import {go, refreshList, report} from './actions';
import {api, ApiError} from './api/client';
import {complain, progressToast, toast} from './app';
import {type Portions, portionsOf} from './model/portions';

export function saveFile(name: string, type: string, content: string): void {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([content], {type}));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

export async function exportConversation(id: string | null, title: string, format: 'json' | 'markdown'): Promise<void> {
    try {
        const name = title.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '').slice(0, 60) || 'conversation';
        const content = await api.exported(id, format);
        saveFile(`${name}.${format === 'json' ? 'json' : 'md'}`, format === 'json' ? 'application/json' : 'text/markdown', content);
    } catch (failure) {
        report(failure);
    }
}

const kMostImport = 32 * 2 ** 20;  // bytes of a request

export async function importFile(file: File): Promise<void> {
    const progress = progressToast();
    try {
        const {portions, tooLarge} = readFile(file.name, await file.text());
        const whole = portions.reduce((sum, {count}) => sum + count, 0);
        const ids: string[] = [];
        for (const portion of portions) {
            if (portions.length > 1) progress.say(`${formatCount(ids.length)} of ${formatCount(whole)} conversations are imported …`);
            const reply = await api.import(portion.text).catch((failure: unknown) => { throw withPlace(failure, portion.first, ids.length); });
            if (Array.isArray(reply.conversations)) ids.push(...reply.conversations.map(String));
        }
        await refreshList();
        if (ids.length || !tooLarge.length) toast(`${counted(ids.length, 'conversation')} imported.`);
        for (const {title, bytes} of tooLarge) {
            complain(new Error(`“${title}” is not imported: it has ${Math.ceil(bytes / 2 ** 20)} MiB, and one conversation may have ${kMostImport / 2 ** 20}.`));
        }
        if (ids.length === 1) go({at: 'conversation', id: ids[0]!});
    } catch (failure) {
        report(failure);
    } finally {
        progress.end();
    }
}

function readFile(name: string, text: string): Portions {
    try {
        return portionsOf(text, kMostImport);
    } catch {
        throw new Error(`${name} is not JSON: only what was exported here can be read.`);
    }
}

/** A refusal that counts conversations from the beginning of the file, and says what came before it. */
function withPlace(failure: unknown, first: number, done: number): unknown {
    if (!(failure instanceof ApiError) || first === 0) return failure;
    const message = failure.message.replace(/conversations\[(\d+)\]/g, (_, place: string) => `conversations[${Number(place) + first}]`);
    return new ApiError(`${message} ${counted(done, 'conversation')} before it ${done === 1 ? 'is' : 'are'} imported.`, failure.status, failure.code, failure.retryAfter);
}
