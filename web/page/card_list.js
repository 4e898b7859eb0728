// A long list of cards. A card's content exists only while it is near the window; far ones are empty boxes that keep
// their height, so that thousands of them scroll as fast as ten.

import {h} from './dom.js';

const kNear = '900px';  // how far outside the window a card is filled

export class CardList {
    /** `content(item)`: the children of an item's card; `height(item)`: a guess in px; `keep(card)`: it stays filled. */
    constructor({content, height, keep = () => false, nothing}) {
        Object.assign(this, {content, height, keep, nothing});
        this.element = h('div.answers');
        this.observer = new IntersectionObserver((entries) => entries.forEach((entry) => this.onNear(entry)),
                                                 {rootMargin: `${kNear} 0px`});
    }

    show(items) {
        this.observer.disconnect();
        const cards = items.map((item) => this.makeCard(item));
        this.element.replaceChildren(...(cards.length ? cards : [h('p.nothing', null, this.nothing)]));
        cards.forEach((card) => this.observer.observe(card));
    }

    makeCard(item) {
        const card = document.createElement('article');
        card.className = 'card answer';
        card.item = item;
        card.style.height = `${this.height(item)}px`;
        return card;
    }

    onNear({target: card, isIntersecting}) {
        if (isIntersecting && !card.filled) {
            card.replaceChildren(...this.content(card.item));
            card.style.height = '';
            card.filled = true;
        } else if (!isIntersecting && card.filled && !card.contains(document.activeElement) && !this.keep(card)) {
            card.style.height = `${card.offsetHeight}px`;
            card.replaceChildren();
            card.filled = false;
        }
    }
}
