// One question to several voices: each question is a root, its answers are its children, by column.

import {childrenOf, type Items} from './thread';
import type {Message} from './types';

export interface Round {
    question: Message;
    answers: (Message | null)[];  // the newest of each column
}

export function roundsOf(items: Items, columns: number): Round[] {
    return childrenOf(items, null).filter(({role}) => role === 'user').map((question) => {
        const answers: (Message | null)[] = Array.from({length: columns}, () => null);
        for (const answer of childrenOf(items, question.id)) {
            const column = answer.details.column ?? 0;
            if (column >= 0 && column < columns) answers[column] = answer;
        }
        return {question, answers};
    });
}

export function wordsOf(text: string): number {
    return text.match(/\S+/g)?.length ?? 0;
}
