// A long list of cards. A card's content exists only while it is near the window; far ones are empty boxes that keep
// their height, so that thousands of them scroll as fast as ten.

import {type Child, fill, h} from './dom';
import {plainText} from './text';

const kNear = '900px';  // how far outside the window a card is filled
const kFrameMs = 6;     // of a frame, for what cards put off

/** Puts a part of a card off to one of the next frames, so that no frame has to make many elements. */
export type Later = (task: () => void) => void;

const kAtOnce: Later = (task) => task();

interface CardListOptions<Item> {
    name(item: Item): string;       // of its card, for those who hear the page
    content(item: Item, later: Later): Child[];  // the children of an item's card
    height(item: Item): number;     // a guess in px
    keep?(card: HTMLElement): boolean;  // it stays filled
    nothing: string;
}

interface Card<Item> {
    item: Item;
    element: HTMLElement;
    filled: boolean;
}

export class CardList<Item> {
    readonly element = h('div.answers');
    private readonly observer: IntersectionObserver;
    private cards = new Map<Element, Card<Item>>();
    private readonly tasks: (() => void)[] = [];
    private readonly later: Later = (task) => {
        if (this.tasks.push(task) === 1) requestAnimationFrame(() => this.work());
    };

    constructor(private readonly options: CardListOptions<Item>) {
        this.observer = new IntersectionObserver((entries) => {
            for (const entry of entries) {
                const card = this.cards.get(entry.target);
                if (card) this.onNear(card, entry.isIntersecting);
            }
        }, {rootMargin: `${kNear} 0px`});
    }

    show(items: readonly Item[]): void {
        this.observer.disconnect();
        this.cards = new Map(items.map((item) => {
            const element = document.createElement('article');
            element.className = 'card answer';
            element.setAttribute('aria-label', plainText(this.options.name(item)));
            element.style.height = `${this.options.height(item)}px`;
            return [element, {item, element, filled: false}];
        }));
        if (items.length) this.element.replaceChildren(...this.cards.keys());
        else fill(this.element, h('p.nothing', null, this.options.nothing));
        for (const element of this.cards.keys()) this.observer.observe(element);
    }

    /** The items that are shown, in their order. */
    items(): Item[] {
        return [...this.cards.values()].map((card) => card.item);
    }

    /** The card of an item, filled; undefined where it is not shown. */
    cardOf(isWanted: (item: Item) => boolean): HTMLElement | undefined {
        const card = [...this.cards.values()].find(({item}) => isWanted(item));
        if (!card) return undefined;
        this.fill(card, kAtOnce);
        while (this.tasks.length) this.tasks.shift()!();
        return card.element;
    }

    /** For paper: the first cards are filled, all others hidden, until restore(). */
    fillFirst(most: number): void {
        this.observer.disconnect();
        [...this.cards.values()].forEach((card, i) => {
            card.element.hidden = i >= most;
            if (i < most) this.fill(card, kAtOnce);
        });
        while (this.tasks.length) this.tasks.shift()!();
    }

    restore(): void {
        for (const {element} of this.cards.values()) {
            element.hidden = false;
            this.observer.observe(element);
        }
    }

    private work(): void {
        const started = performance.now();
        do this.tasks.shift()?.(); while (this.tasks.length && performance.now() - started < kFrameMs);
        if (this.tasks.length) requestAnimationFrame(() => this.work());
    }

    private fill(card: Card<Item>, later: Later): void {
        if (card.filled) return;
        fill(card.element, this.options.content(card.item, later));
        card.element.style.height = '';
        card.filled = true;
    }

    private onNear(card: Card<Item>, isNear: boolean): void {
        const {element} = card;
        if (isNear) {
            this.fill(card, this.later);
        } else if (card.filled && !element.contains(document.activeElement) && !this.options.keep?.(element)) {
            element.style.height = `${element.offsetHeight}px`;
            element.replaceChildren();
            card.filled = false;
        }
    }
}
