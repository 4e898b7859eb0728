// What streams is drawn a few times a second, whatever the number of tokens and of answers: a reader sees no difference,
// and the browser has the rest of the time for itself.

import type {TokenLog} from './api/tokens';

const kPauseMs = 90;

const waiting = new Set<() => void>();
let timer = 0;
let last = -Infinity;

function drawAll(): void {
    timer = 0;
    last = performance.now();
    const due = [...waiting];
    waiting.clear();
    for (const draw of due) draw();
}

/** Runs `draw` soon, once, together with all else that waits; at once where nothing was drawn for a while. */
export function paced(draw: () => void): void {
    waiting.add(draw);
    timer ||= window.setTimeout(drawAll, Math.max(0, last + kPauseMs - performance.now()));
}

/** Runs `draw` for what comes to the log, paced while it streams; gives what ends that. */
export function watchPaced(log: TokenLog, draw: () => void): () => void {
    return log.watch(() => log.state === 'coming' ? paced(draw) : draw());
}
