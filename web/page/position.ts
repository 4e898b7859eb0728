// One position of an answer, as the reports and the page of the server show it: the token that stands there, and what
// each model would have said instead.

export type ShiftClass = 'unshifted' | 'marginal' | 'shifted';
export const kClasses: readonly ShiftClass[] = ['unshifted', 'marginal', 'shifted'];

/** A candidate; `logp` in nats. */
export interface Entry {
    token: number;
    text: string;
    logp: number;
}

/** One model at this position. `rank` counts from 1; null: not known, or not in the list that a server gave. */
export interface Side {
    rank: number | null;
    logp: number;
    entropy: number | null;
    top: Entry[] | null;
}

/** `aligned` null: one model's own probabilities. Divergences are in nats; null: not known. */
export interface Position {
    token: number;
    text: string;
    base: Side;
    aligned: Side | null;
    kl: number | null;
    klReverse: number | null;
    js: number | null;
    tv: number | null;
    bounds: {kl: number; tvLow: number; tvHigh: number} | null;
}

/** 0 unshifted (rank 1), 1 marginal (2 and 3), 2 shifted (beyond 3). */
export function classIndex(rank: number): 0 | 1 | 2 {
    return rank <= 1 ? 0 : rank <= 3 ? 1 : 2;
}

/** A rank that nobody knows lies beyond the list, so it is shifted. */
export function classOf(rank: number | null): ShiftClass {
    return kClasses[rank === null ? 2 : classIndex(rank)];
}
