// Changes of the same object in two places.

type Loose = Record<string, unknown>;

function sameValue(one: unknown, other: unknown): boolean {
    if (one === other) return true;
    if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null || Array.isArray(one) !== Array.isArray(other)) return false;
    const [left, right] = [one as Loose, other as Loose];
    const names = Object.keys(left);
    return names.length === Object.keys(right).length && names.every((name) => name in right && sameValue(left[name], right[name]));
}

/** What became of `before` here, on top of what became of it elsewhere; where both changed the same value, ours. */
export function withOurs<Value>(before: Value, ours: Value, theirs: Value): Value {
    if (sameValue(before, ours)) return theirs;
    const all: unknown[] = [before, ours, theirs];
    const areObjects = all.every((value) => typeof value === 'object' && value !== null && !Array.isArray(value));
    const areLists = all.every((value) => Array.isArray(value) && value.length === (before as unknown[]).length);
    if (!areObjects && !areLists) return ours;
    const [old, mine, other] = all as [Loose, Loose, Loose];
    const merged = (areLists ? [...theirs as unknown[]] : {...theirs}) as Loose;
    for (const name of new Set([...Object.keys(old), ...Object.keys(mine)])) {
        if (sameValue(old[name], mine[name])) continue;
        if (name in mine) merged[name] = withOurs(old[name], mine[name], other[name]);
        else delete merged[name];
    }
    return merged as Value;
}
