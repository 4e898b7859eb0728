// Puts the page of shift runs together: reads the data blocks, makes three views.

import {readJson} from '../page/blocks';
import {type Child, h} from '../page/dom';
import {makeShell, runPage, type View} from '../page/shell';
import {counted} from '../page/text';
import {AnswersView} from './answers';
import {type Header, loadRun, type Run} from './data';
import {makeOverview} from './overview';
import {makeTokensView} from './tokens_table';

function subtitle(runs: readonly Run[], answers: number): Child {
    const positions = runs.reduce((sum, run) => sum + run.positions, 0);
    return [[...new Set(runs.map((run) => run.header.pair))].join(' · '),
            h('span', null, ` — ${counted(answers, 'answer')}, ${counted(positions, 'token')}`)];
}

runPage(async () => {
    const header = readJson<Header>('report-header');
    const runs = await Promise.all(header.runs.map((run, i) => loadRun(i, run)));

    const answers = new AnswersView(runs);
    const tokens = makeTokensView(runs, {onToken: (run, text) => answers.filterByToken(run, text), onMoved: () => shell.moved('tokens', false)});
    const overview = makeOverview(runs, {onTag: (tag) => answers.filterByTag(tag)});
    const shell = makeShell({title: header.title, subtitle: subtitle(runs, answers.items.length),
                             views: new Map<string, View>([['overview', overview], ['tokens', tokens], ['answers', answers]])});
    answers.onMoved = (step) => shell.moved('answers', step);
    for (const run of runs) await run.loadTopLists();
});
