// Puts the page of judged runs together: reads the data blocks, makes two views.

import {readJson} from '../page/blocks';
import {type Child, h} from '../page/dom';
import {makeShell, runPage, type View} from '../page/shell';
import {counted} from '../page/text';
import {differencesOf, type Header, type JudgedRun, loadColours, loadRuns} from './data';
import {ItemsView} from './items_view';
import {makeOverview} from './overview';

function subtitle(runs: readonly JudgedRun[], items: number): Child {
    const records = runs.reduce((sum, run) => sum + run.records.filter(({judge}) => judge).length, 0);
    return [runs.map((run) => run.label).join(' · '), h('span', null, ` — ${counted(items, 'item')}, ${counted(records, 'judgement')}`)];
}

runPage(async () => {
    const header = readJson<Header>('report-header');
    const runs = await loadRuns(header);
    const colours = await loadColours(header);
    const items = new ItemsView(runs, {shift: header.shift, shown: header.shown_runs, colours});
    const overview = makeOverview(runs, {
        differences: differencesOf(header), colours, onCell: (chosen, facet, tag, aspect) => items.showGroup(chosen, facet, tag, aspect),
    });
    const shell = makeShell({title: header.title, subtitle: subtitle(runs, items.items.length),
                             views: new Map<string, View>([['overview', overview], ['items', items]])});
    items.onMoved = (step) => shell.moved('items', step);
});
