// What a long list does before it is printed: every card is filled, and the first line on paper says how much follows.

import type {CardList} from './card_list';
import {h} from './dom';
import {counted, formatCount} from './text';

const kMostPrinted = 300;      // cards
const kPageArea = 688 * 1017;  // px of A4 without its margins
const kPaperScale = 0.77;      // letters on paper are smaller

/** A line that is seen on paper alone; `noun`: of one card. */
export function printNote<Item>(cards: CardList<Item>, noun: string): HTMLElement {
    const note = h('p.print-only');
    addEventListener('beforeprint', () => {
        const {element} = cards;
        if (!element.offsetParent) return;
        const total = cards.items().length;
        cards.fillFirst(kMostPrinted);
        const pages = Math.max(1, Math.ceil(element.scrollHeight * element.clientWidth * kPaperScale / kPageArea));
        note.textContent = (total > kMostPrinted ? `The first ${kMostPrinted} of ${formatCount(total)} ${noun}s; filters choose others. ` : `${counted(total, noun)}. `) +
            `About ${counted(pages, 'page')} of A4.`;
    });
    addEventListener('afterprint', () => cards.restore());
    return note;
}
