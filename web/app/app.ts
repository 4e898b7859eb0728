// The one store of the page, and what can be done to it.

import {useLayoutEffect, useReducer, useRef} from 'preact/hooks';

import {type Action, kStart, reduce, type State, type Toast} from './model/state';
import {makeStore} from './model/store';
import {paced} from './pace';

/** What people do is drawn at once, so that their next key meets what they see; what streams, a few times a second. */
export const store = makeStore<State, Action>(kStart, reduce, (run, action) => action.do === 'live' ? paced(run) : queueMicrotask(run));

/** Draws again when what is selected has changed. */
export function useSelect<Value>(select: (state: State) => Value): Value {
    const [, again] = useReducer((count: number) => count + 1, 0);
    const value = select(store.get());
    const last = useRef({select, value});
    last.current = {select, value};
    useLayoutEffect(() => {
        const look = (): void => {
            if (!Object.is(last.current.select(store.get()), last.current.value)) again(0);
        };
        look();
        return store.watch(look);
    }, []);
    return value;
}

let lastToast = 0;
const kToastMs = 6000;
const kUndoMs = 12000;

export function toast(text: string, {kind = 'note', undo = null}: Partial<Pick<Toast, 'kind' | 'undo'>> = {}): void {
    const id = ++lastToast;
    store.dispatch({do: 'toast', toast: {id, text, kind, undo}});
    setTimeout(() => store.dispatch({do: 'untoast', id}), undo ? kUndoMs : kToastMs);
}

/** A note that changes while something goes on. */
export function progressToast(): {say(text: string): void; end(): void} {
    const id = ++lastToast;
    return {
        say: (text) => store.dispatch({do: 'toast', toast: {id, text, kind: 'note', undo: null}}),
        end: () => store.dispatch({do: 'untoast', id}),
    };
}

export function complain(failure: unknown): void {
    toast(failure instanceof Error ? failure.message : String(failure), {kind: 'error'});
}
