// Puts the page of judged runs together: reads the data blocks, makes two views.

import {readHeader} from '../page/blocks.js';
import {formatCount, h, plainText} from '../page/dom.js';
import {currentTheme, makeShell, runPage} from '../page/shell.js';
import {loadColours, loadRuns} from './data.js';
import {ItemsView} from './items_view.js';
import {makeOverview} from './overview.js';

function subtitle(runs, items) {
    const records = runs.reduce((sum, run) => sum + run.records.filter(({judge}) => judge).length, 0);
    return [plainText(runs.map((run) => run.label).join(' · ')),
            h('span', null, ` — ${formatCount(items)} items, ${formatCount(records)} judgements`)];
}

runPage(async () => {
    const header = readHeader();
    const runs = await loadRuns(header);
    const colours = await loadColours(header);
    const items = new ItemsView(runs, {shift: header.shift, shown: header.shown_runs, colours});
    const overview = makeOverview(runs, {
        differences: header.differences, colours, theme: currentTheme,
        onCell: (facet, tag, aspect) => { items.showGroup(facet, tag, aspect); show('items', true); },
    });
    const show = makeShell({
        title: header.title, subtitle: subtitle(runs, items.items.length), views: {overview, items},
        titles: {overview: 'Overview', items: 'Items'},
    });
});
