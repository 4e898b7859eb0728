// The shares of the three classes as one bar.

import {h} from '../page/dom';
import {kClasses} from '../page/position';
import {formatPercent} from '../page/text';

/** Widths are set through the style object: the content policy allows no style attribute. */
export function shareBar(shares: readonly number[], small = false): HTMLElement {
    const bar = h(small ? 'div.bar.small' : 'div.bar', {
        role: 'img', 'aria-label': kClasses.map((name, i) => `${name} ${formatPercent(shares[i] ?? NaN)}`).join(', '),
    });
    kClasses.forEach((name, i) => {
        const part = h(`span.part.${name}`, {title: `${name} ${formatPercent(shares[i] ?? NaN)}`});
        part.style.width = `${100 * (shares[i] || 0)}%`;
        bar.append(part);
    });
    return bar;
}
