// Questions with their answers side by side, in one grid that scrolls as one.

import type {ComponentChildren} from 'preact';

import {counted, plainText} from '../../page/text';
import {addMessages, report, stop} from '../actions';
import type {NewAnswer} from '../api/client';
import {store, useSelect} from '../app';
import {keepAsChat, tryAsk} from '../chat_actions';
import {askedAs, chatRequest, voiceName} from '../model/requests';
import {type Round, wordsOf} from '../model/rounds';
import type {Conversation, Message, Sampling, Voice} from '../model/types';
import {Markdown} from '../text/markdown';
import {Facts, Failure} from './message';
import {CopyButton, formatMs, IconButton} from './parts';

function askedOf(question: Message, column: number, voice: Voice, sampling: Sampling): NewAnswer {
    return {parent: question.id, ...chatRequest([question], voice, sampling), details: {column, label: voiceName(voice), ...askedAs(voice)}};
}

/** Asks every column; the server answers them at the same time. */
export async function askAll(id: string, text: string, columns: readonly Voice[], sampling: Sampling): Promise<boolean> {
    try {
        const [question] = await addMessages(id, [{parent: null, role: 'user', content: text}]);
        if (!question) return false;
        for (const [column, voice] of columns.entries()) void tryAsk(id, askedOf(question, column, voice, sampling), false);
        return true;
    } catch (failure) {
        report(failure);
        return false;
    }
}

/** How long each answer is beside the longest, in words. */
function LengthBar({words, most}: {words: number; most: number}) {
    return <span class="length-bar" aria-hidden="true"><span style={{width: `${most ? Math.max(1, 100 * words / most) : 0}%`}} /></span>;
}

interface CellProps {
    conversation: Conversation;
    round: Round;
    column: number;
    voice: Voice;
    sampling: Sampling;
    most: number;
}

function differences(answer: Message, text: string, round: Round): string[] {
    const first = round.answers.find((other) => other);
    const words = wordsOf(text);
    const facts = [counted(words, 'word')];
    const ms = answer.answer?.ms;
    if (answer.state !== 'writing' && ms) facts.push(formatMs(ms));
    if (!first || first === answer || first.state === 'writing' || answer.state === 'writing') return facts;
    const base = wordsOf(first.content);
    if (base > 0) facts.push(words === base ? 'as long as the first' : `${Math.round(100 * words / base)} % of the first`);
    const other = first.answer?.ms;
    if (ms && other) facts.push(`${ms >= other ? '+' : '−'}${formatMs(Math.abs(ms - other))}`);
    return facts;
}

function Cell({conversation, round, column, voice, sampling, most}: CellProps) {
    const answer = round.answers[column] ?? null;
    const live = useSelect((state) => answer ? state.live.get(answer.id) : undefined);
    const again = (): void => void tryAsk(conversation.id, askedOf(round.question, column, voice, sampling), false);
    if (!answer) return <div class="cell"><p class="cell-name">{plainText(voiceName(voice))}</p><button type="button" class="quiet" onClick={again}>Answer</button></div>;
    const text = live?.text ?? answer.content;
    const writing = answer.state === 'writing';
    return <article class={`cell${writing ? ' writing' : ''}`} aria-label={`Answer of ${plainText(answer.details.label ?? voiceName(voice))}`}>
        <header>
            <p class="cell-name">{plainText(answer.details.label ?? voiceName(voice))}</p>
            <LengthBar words={wordsOf(text)} most={most} />
            <span class="facts-line">{differences(answer, text, round).map((fact) => <span>{fact}</span>)}</span>
        </header>
        <Markdown text={text} grows={writing} />
        <Failure message={answer} onAgain={again} />
        <footer>
            <Facts message={answer} live={live} />
            <span class="tools">
                {writing ? <IconButton icon="stop" label="Stop this answer" onClick={() => void stop(answer.id)} /> : <>
                    <button type="button" class="quiet" onClick={() => void keepAsChat(round.question, answer, voice)}>Keep this one</button>
                    <CopyButton text={text} what="answer" />
                    <IconButton icon="again" label="Another answer" onClick={again} />
                    <IconButton icon="exact" label="Exact text that the model got"
                        onClick={() => store.dispatch({do: 'dialog', dialog: {name: 'exact', conversation: conversation.id, message: answer.id}})} />
                </>}
            </span>
        </footer>
    </article>;
}

export function RoundView({conversation, round, columns, sampling, onDelete, children}:
    {conversation: Conversation; round: Round; columns: readonly Voice[]; sampling: Sampling; onDelete(): void; children?: ComponentChildren}) {
    const most = useSelect((state) => Math.max(0, ...round.answers.map((answer) => answer ? wordsOf(state.live.get(answer.id)?.text ?? answer.content) : 0)));
    return <section class="round" aria-label="A question and its answers">
        <div class="question"><h2 dir="auto">{plainText(round.question.content)}</h2>{children}
            <IconButton icon="bin" label="Delete this question" onClick={onDelete} /></div>
        <div class="cells" style={{'--columns': String(columns.length)}}>
            {columns.map((voice, column) => <Cell key={column} {...{conversation, round, column, voice, sampling, most}} />)}
        </div>
    </section>;
}

