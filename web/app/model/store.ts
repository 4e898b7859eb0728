// One state, changed by actions alone. Whoever watches it is called once for many actions.

export interface Store<State, Action> {
    get(): State;
    dispatch(action: Action): void;
    watch(watcher: () => void): () => void;
}

/** `soon` runs its argument a little later: how much later, the action says. It may run it twice. */
export function makeStore<State, Action>(initial: State, reduce: (state: State, action: Action) => State,
                                         soon: (run: () => void, action: Action) => void): Store<State, Action> {
    let state = initial;
    let hasNews = false;
    const watchers = new Set<() => void>();
    const tell = (): void => {
        if (!hasNews) return;
        hasNews = false;
        for (const watcher of [...watchers]) watcher();
    };
    return {
        get: () => state,
        dispatch(action) {
            const next = reduce(state, action);
            if (next === state) return;
            state = next;
            hasNews = true;
            soon(tell, action);
        },
        watch(watcher) {
            watchers.add(watcher);
            return () => watchers.delete(watcher);
        },
    };
}
