// Puts the page of shift runs together: reads the data blocks, makes three views.

import {readHeader} from '../page/blocks.js';
import {formatCount, h} from '../page/dom.js';
import {currentTheme, makeShell, runPage} from '../page/shell.js';
import {AnswersView} from './answers.js';
import {loadRun} from './data.js';
import {makeOverview} from './overview.js';
import {makeTokensView} from './tokens_table.js';

function subtitle(runs) {
    const answers = new Set(runs.flatMap((run) => run.answers.map((answer) => answer.id))).size;
    const positions = runs.reduce((sum, run) => sum + run.positions, 0);
    return [runs.map((run) => run.header.pair).filter((pair, i, all) => all.indexOf(pair) === i).join(' · '),
            h('span', null, ` — ${formatCount(answers)} answers, ${formatCount(positions)} tokens`)];
}

runPage(async () => {
    const header = readHeader();
    const runs = await Promise.all(header.runs.map((run, i) => loadRun(i, run)));
    const licences = JSON.parse(document.getElementById('licences').textContent);

    const answers = new AnswersView(runs);
    const tokens = makeTokensView(runs, {onToken: (run, text) => { answers.filterByToken(run, text); show('answers', true); }});
    const overview = makeOverview(runs, {licences, theme: currentTheme, onTag: (tag) => { answers.filterByTag(tag); show('answers', true); }});
    const show = makeShell({
        title: header.title, subtitle: subtitle(runs), views: {overview, tokens, answers},
        titles: {overview: 'Overview', tokens: 'Shifted tokens', answers: 'Answers'},
    });
    for (const run of runs) await run.loadTopLists();
});
