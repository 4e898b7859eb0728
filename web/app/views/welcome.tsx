// The first screen: what a base model is, three questions to try, what the colours mean.

import {plainText} from '../../page/text';
import {begin, go, report} from '../actions';
import {store, useSelect} from '../app';
import {send} from '../chat_actions';
import {usualSettings} from '../model/settings';
import type {View} from '../model/state';
import {titleOf} from '../model/thread';
import {Composer} from './chat';
import {Icon, type IconName} from './icons';

const kQuestions = ['What should I do when I cannot sleep?', 'How do I start a small herb garden on my balcony?', 'Why is the sky blue?'];

const kPlaces: readonly {view: View; icon: IconName; title: string; text: string}[] = [
    {view: 'chat', icon: 'chat', title: 'Chat', text: 'A conversation, coloured token by token where you like.'},
    {view: 'compare', icon: 'compare', title: 'Side by side', text: 'One question to the model with and without a prompt.'},
    {view: 'write', icon: 'write', title: 'Write', text: 'A text that goes on in several ways from any place.'},
    {view: 'workshop', icon: 'workshop', title: 'Prompts', text: 'Take apart and rebuild what makes a model answer.'},
];

async function ask(question: string): Promise<boolean> {
    try {
        await begin(usualSettings('chat', store.get()), titleOf(question));
        return await send(question);
    } catch (failure) {
        report(failure);
        return false;
    }
}

export function Welcome() {
    const models = useSelect((state) => state.models);
    const ready = useSelect((state) => state.server === 'ready');
    return <div class="view">
        <div class="welcome scroller"><div class="welcome-body">
            <h1>A base model only continues texts</h1>
            <p class="lead">It has read a great deal and was never taught to answer. Ask it a question, and it may go on with another question.
                Put a few example conversations in front, and it goes on as the one who answers: that is all that <b>urial</b> does.
                The weights of {models[0] ? <b>{plainText(models[0].name)}</b> : 'the model'} stay as they are.</p>
            <h2>Try one</h2>
            <div class="questions">{kQuestions.map((question) =>
                <button type="button" class="card" disabled={!ready} onClick={() => void ask(question)}>{question}<Icon name="forth" /></button>)}</div>
            <h2>What the colours mean</h2>
            <p>Switch an answer from <i>Text</i> to <i>Shift</i>, and every token shows where it stands in the list of what the base model
                would have said there:</p>
            <ul class="meanings">
                <li><span class="sample t unshifted">first</span> The base model would have said the same.</li>
                <li><span class="sample t marginal">second or third</span> It came close.</li>
                <li><span class="sample t shifted">lower</span> Here the prompt, or the tuning, has changed what is said.</li>
            </ul>
            <p>Point at a token to see both lists, click another candidate, and the answer goes on from there.</p>
            <nav class="places" aria-label="What there is">{kPlaces.map(({view, icon, title, text}) =>
                <button type="button" class="card" onClick={() => go({at: 'new', view})}><Icon name={icon} /><b>{title}</b><span>{text}</span></button>)}</nav>
        </div></div>
        <Composer name="new-chat" placeholder={ready ? 'Ask something' : 'The server is away'} writing={[]} onSend={ask}>
            <span class="note">{models[0] ? <>to <b>{plainText(models[0].name)}</b>, which a prompt makes answer</> : null}</span>
        </Composer>
    </div>;
}
