// Follows an answer that the server writes: what was, then what comes. A connection that breaks is taken up again
// where it was, after a pause that grows.

import {ApiError, api} from './client';
import {type Chunk, readChunk} from './chunks';
import {readEvents} from './events';

export interface FollowOptions {
    onChunk(chunk: Chunk): void;
    /** The connection is lost, or is there again. */
    onLost(lost: boolean): void;
    signal: AbortSignal;
}

const kFirstPause = 400;  // ms
const kLongestPause = 8000;

/** Waits, but no longer than until the network or the window is back. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resume) => {
        const end = (): void => {
            clearTimeout(timer);
            removeEventListener('online', end);
            removeEventListener('focus', end);
            signal.removeEventListener('abort', end);
            resume();
        };
        const timer = setTimeout(end, ms);
        addEventListener('online', end);
        addEventListener('focus', end);
        signal.addEventListener('abort', end);
    });
}

/** Resolves when the answer has ended, or the server knows nothing of it any more. */
export async function follow(conversation: string, message: string, {onChunk, onLost, signal}: FollowOptions): Promise<void> {
    let next = 0;
    let wait = kFirstPause;
    while (!signal.aborted) {
        try {
            const response = await api.events(conversation, message, next, signal);
            onLost(false);
            for await (const event of readEvents(response.body!)) {
                if (event === '[DONE]') return;
                const {index, event: chunk} = JSON.parse(event) as {index?: number; event?: Record<string, unknown>};
                if (typeof index !== 'number' || !chunk || index < next) continue;
                next = index + 1;
                wait = kFirstPause;
                onChunk(readChunk(chunk));
            }
        } catch (failure) {
            if (signal.aborted) return;
            if (failure instanceof ApiError && failure.status >= 400 && failure.status < 500 && failure.status !== 429) return;
        }
        onLost(true);
        await pause(wait * (0.8 + 0.4 * Math.random()), signal);
        wait = Math.min(2 * wait, kLongestPause);
    }
}
