// One state, changed by actions alone. Whoever watches it is called at most once a frame.

export interface Store<State, Action> {
    get(): State;
    dispatch(action: Action): void;
    watch(watcher: () => void): () => void;
}

/** `soon` runs its argument before the next picture. */
export function makeStore<State, Action>(initial: State, reduce: (state: State, action: Action) => State,
                                         soon: (run: () => void) => void): Store<State, Action> {
    let state = initial;
    let waits = false;
    const watchers = new Set<() => void>();
    return {
        get: () => state,
        dispatch(action) {
            const next = reduce(state, action);
            if (next === state) return;
            state = next;
            if (waits) return;
            waits = true;
            soon(() => {
                waits = false;
                for (const watcher of [...watchers]) watcher();
            });
        },
        watch(watcher) {
            watchers.add(watcher);
            return () => watchers.delete(watcher);
        },
    };
}
