// The page: the sidebar, the view that the address names, what stands over both.

import {useEffect, useState} from 'preact/hooks';

import {plainText} from '../../page/text';
import {go, stop, unlock} from '../actions';
import {store, useSelect} from '../app';
import {currentOf, type State} from '../model/state';
import {threadTo} from '../model/thread';
import {ChatView} from './chat';
import {CompareView} from './compare';
import {Dialogs} from './dialogs';
import {IconButton} from './parts';
import {Sidebar} from './sidebar';
import {Welcome} from './welcome';
import {WorkshopView} from './workshop';
import {WriteView} from './write';

function Toasts() {
    const toasts = useSelect((state) => state.toasts);
    return <div class="toasts" role="status" aria-live="polite">{toasts.map(({id, text, kind, undo}) => <div key={id} class={`toast ${kind}`}>
        <span>{plainText(text)}</span>
        {undo ? <button type="button" onClick={() => { store.dispatch({do: 'untoast', id}); undo(); }}>Undo</button> : null}
        <IconButton icon="close" label="Dismiss" onClick={() => store.dispatch({do: 'untoast', id})} />
    </div>)}</div>;
}

function Lock() {
    const [key, setKey] = useState('');
    const [remember, setRemember] = useState(false);
    return <main class="lock"><form class="card" onSubmit={(event) => { event.preventDefault(); if (key.trim()) void unlock(key.trim(), remember); }}>
        <h1>This server asks for a key</h1>
        <p>It is one line of the file that the server was started with (<code>--api-key-file</code>), or its <code>URIAL_API_KEY</code>.</p>
        <input type="text" name="user" autocomplete="username" value="urial" hidden readOnly />
        <label class="stacked">Key <input type="password" autocomplete="current-password" autofocus value={key} onInput={(event) => setKey(event.currentTarget.value)} /></label>
        <label class="check"><input type="checkbox" checked={remember} onChange={(event) => setRemember(event.currentTarget.checked)} /> remember it in this browser</label>
        <button type="submit" class="primary" disabled={!key.trim()}>Go on</button>
    </form></main>;
}

function Main() {
    const route = useSelect((state) => state.route);
    const conversation = useSelect(currentOf);
    const draft = useSelect((state) => state.draft);
    const isMissing = useSelect((state) => state.route.at === 'conversation' && state.missing.has(state.route.id));
    const isReady = useSelect((state) => state.models.length > 0);
    if (route.at === 'start') return <Welcome />;
    if (isMissing && !conversation) {
        return <div class="view"><div class="welcome"><div class="welcome-body"><h1>This conversation is not here</h1>
            <p>It may be in the bin, or belong to another key.</p><button type="button" class="primary" onClick={() => go({at: 'start'})}>To the start</button></div></div></div>;
    }
    const settings = conversation?.settings ?? (route.at === 'new' ? draft : null);
    if (!settings || !isReady) return <div class="view waiting"><h1 class="visually-hidden">Loading</h1></div>;
    // A new one keeps its view when it is given an address, so that what is typed and focused stays.
    switch (settings.view) {
        case 'chat': return <ChatView {...{conversation, settings}} />;
        case 'compare': return <CompareView {...{conversation, settings}} />;
        case 'write': return <WriteView {...{conversation, settings}} />;
        case 'workshop': return <WorkshopView {...{conversation, settings}} />;
    }
}

function isTyping(target: EventTarget | null): boolean {
    return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

function stopShown(state: State): boolean {
    const open = currentOf(state);
    const writing = open?.settings.view === 'chat' ? threadTo(open.items, open.current).filter((message) => message.state === 'writing') : [];
    writing.forEach(({id}) => void stop(id));
    return writing.length > 0;
}

function onKey(event: KeyboardEvent): void {
    if (event.defaultPrevented || document.querySelector('dialog[open]')) return;
    const place = event.altKey && !event.ctrlKey && !event.metaKey ? ({c: 'chat', s: 'compare', w: 'write', p: 'workshop'} as const)[event.key.toLowerCase()] : undefined;
    const focus = (selector: string): void => document.querySelector<HTMLElement>(selector)?.focus();
    if (place) go({at: 'new', view: place});
    else if (event.key === 'Escape' && store.get().drawer) store.dispatch({do: 'drawer', open: false});
    else if (event.key === 'Escape' && stopShown(store.get())) return;
    else if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    else if (event.key === '/') {
        store.dispatch({do: 'drawer', open: true});
        requestAnimationFrame(() => focus('#search-box'));
    } else if (event.key === '?') store.dispatch({do: 'dialog', dialog: {name: 'keys'}});
    else if (event.key === 'm') focus('#message-box, .write-editor textarea');
    else return;
    event.preventDefault();
}

/** The focus goes to what is new: the box to write in, where there is a keyboard. */
function useFocusOnArrival(): void {
    const address = useSelect((state) => state.route.at === 'new' ? state.route.view : '');
    const isReady = useSelect((state) => state.server === 'ready');
    useEffect(() => {
        if (address && isReady && !matchMedia('(pointer: coarse)').matches) document.querySelector<HTMLElement>('#message-box, .write-editor textarea')?.focus();
    }, [address, isReady]);
}

function useTitle(): void {
    const title = useSelect((state) => currentOf(state)?.title ?? '');
    useEffect(() => { document.title = title ? `${plainText(title)} · urial` : 'urial'; }, [title]);
}

export function Page() {
    const server = useSelect((state) => state.server);
    const drawer = useSelect((state) => state.drawer);
    useEffect(() => {
        addEventListener('keydown', onKey);
        return () => removeEventListener('keydown', onKey);
    }, []);
    useFocusOnArrival();
    useTitle();
    if (server === 'locked') return <><Lock /><Toasts /></>;
    return <div class={`shell${drawer ? ' drawer-open' : ''}`}>
        <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById('main')?.focus(); }}>To the content</a>
        <Sidebar />
        <div class="scrim" onClick={() => store.dispatch({do: 'drawer', open: false})} />
        <main id="main" tabIndex={-1}>
            <div class="phone-bar">
                <IconButton icon="menu" label="Open the list" onClick={() => store.dispatch({do: 'drawer', open: true})} attributes={{'aria-controls': 'sidebar', 'aria-expanded': drawer}} />
                <b>urial</b>
                <IconButton icon="plus" label="New chat" onClick={() => go({at: 'new', view: 'chat'})} />
            </div>
            {server === 'away' ? <p class="away" role="alert">The server does not answer. Waiting for it; nothing is lost.</p> : null}
            <Main />
        </main>
        <Dialogs />
        <Toasts />
    </div>;
}
