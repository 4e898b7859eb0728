// Where to go: new things, search, and all conversations.

import {useRef, useState} from 'preact/hooks';

import {chooseTheme, type ThemeChoice} from '../../page/theme';
import {plainText} from '../../page/text';
import {go, moreOfList, removeConversation, search} from '../actions';
import {store, useSelect} from '../app';
import {exportConversation, importFile} from '../file_actions';
import type {View} from '../model/state';
import type {Kind, Listed} from '../model/types';
import {Icon, type IconName} from './icons';
import {formatWhen, IconButton, Menu} from './parts';

const kPlaces: readonly {view: View; icon: IconName; title: string; keys: string}[] = [
    {view: 'chat', icon: 'chat', title: 'Chat', keys: 'Alt C'},
    {view: 'compare', icon: 'compare', title: 'Side by side', keys: 'Alt S'},
    {view: 'write', icon: 'write', title: 'Write', keys: 'Alt W'},
    {view: 'workshop', icon: 'workshop', title: 'Prompts', keys: 'Alt P'},
];

const kIcons: Record<Kind, IconName> = {chat: 'chat', text: 'write', prompt: 'workshop'};
const kKindNames: Record<Kind, string> = {chat: 'chat', text: 'text', prompt: 'prompt'};

function Entry({entry, isOpen}: {entry: Listed; isOpen: boolean}) {
    const title = plainText(entry.title || 'Untitled');
    return <li class={isOpen ? 'open' : ''}>
        <a href={`#/c/${entry.id}`} aria-current={isOpen ? 'page' : undefined} onClick={(event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return;
            event.preventDefault();
            go({at: 'conversation', id: entry.id});
        }}>
            <Icon name={kIcons[entry.kind] ?? 'chat'} /><span class="visually-hidden">{kKindNames[entry.kind]}: </span>
            <span class="title" title={title}>{title}</span><small>{formatWhen(entry.updated)}</small>
            {entry.snippet ? <span class="snippet">{plainText(entry.snippet)}</span> : null}
        </a>
        <IconButton icon="bin" label={`Delete “${title}”`} onClick={() => void removeConversation(entry)} />
    </li>;
}

const kThemes: readonly ThemeChoice[] = ['auto', 'light', 'dark'];
const kThemeName = 'urial-theme';

export function storedTheme(): ThemeChoice {
    const stored = localStorage.getItem(kThemeName);
    return kThemes.find((choice) => choice === stored) ?? 'auto';
}

function ThemeButton() {
    const [choice, setChoice] = useState(storedTheme);
    const next = kThemes[(kThemes.indexOf(choice) + 1) % kThemes.length]!;
    return <IconButton icon="theme" label={`Colours: ${choice}`} onClick={() => {
        localStorage.setItem(kThemeName, next);
        chooseTheme(next);
        setChoice(next);
    }} />;
}

export function Sidebar() {
    const route = useSelect((state) => state.route);
    const list = useSelect((state) => state.list);
    const query = useSelect((state) => state.query);
    const hasMore = useSelect((state) => state.next !== null);
    const isListed = useSelect((state) => state.listed);
    const openId = route.at === 'conversation' ? route.id : null;
    const file = useRef<HTMLInputElement>(null);
    return <aside class="sidebar" id="sidebar" aria-label="Conversations">
        <div class="brand"><a href="#/" onClick={(event) => { event.preventDefault(); go({at: 'start'}); }}>urial</a>
            <IconButton icon="close" label="Close the list" class="drawer-only" onClick={() => store.dispatch({do: 'drawer', open: false})} /></div>
        <nav class="new" aria-label="New">{kPlaces.map(({view, icon, title, keys}) =>
            <button type="button" title={`New: ${title} (${keys})`} aria-current={route.at === 'new' && route.view === view ? 'page' : undefined}
                onClick={() => go({at: 'new', view})}><Icon name={icon} />{title}</button>)}</nav>
        <div class="search"><Icon name="search" />
            <input type="search" id="search-box" aria-label="Search conversations" placeholder="Search" value={query} onInput={(event) => search(event.currentTarget.value)} /></div>
        <div class="list" tabIndex={-1} onScroll={(event) => {
            const {scrollHeight, scrollTop, clientHeight} = event.currentTarget;
            if (scrollHeight - scrollTop - clientHeight < 300) void moreOfList();
        }}>
            <ul aria-label="Conversations">{list.map((entry) => <Entry key={entry.id} entry={entry} isOpen={entry.id === openId} />)}</ul>
            {isListed && list.length === 0 ? <p class="note">{query ? 'Nothing is found.' : 'What you write is kept here.'}</p> : null}
            {hasMore ? <button type="button" class="quiet more" onClick={() => void moreOfList()}>More</button> : null}
        </div>
        <footer>
            <ThemeButton />
            <IconButton icon="keys" label="Keys" keys="?" onClick={() => store.dispatch({do: 'dialog', dialog: {name: 'keys'}})} />
            <IconButton icon="bin" label="Bin" onClick={() => store.dispatch({do: 'dialog', dialog: {name: 'bin'}})} />
            <input ref={file} type="file" accept=".json,application/json" hidden aria-label="File to import" onChange={(event) => {
                const [chosen] = event.currentTarget.files ?? [];
                event.currentTarget.value = '';
                if (chosen) void importFile(chosen);
            }} />
            <Menu label="All conversations" items={[
                {label: 'Save all as JSON', icon: 'save', run: () => void exportConversation(null, 'urial-conversations', 'json')},
                {label: 'Import …', icon: 'open', run: () => file.current?.click()},
            ]} />
        </footer>
    </aside>;
}
