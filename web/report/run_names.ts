// What makes runs different, out of their manifests: "base prompt: zero-shot / urial". Pure functions.

import type {Run} from './data';

/** `values`: one per run. */
export interface RunDifference {
    what: string;
    values: string[];
}

type Json = Record<string, unknown>;

function at(value: unknown, path: readonly string[]): unknown {
    let found = value;
    for (const name of path) {
        if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined;
        found = (found as Json)[name];
    }
    return found;
}

function textAt(value: unknown, path: readonly string[]): string {
    const found = at(value, path);
    return typeof found === 'string' || typeof found === 'number' ? String(found) : '';
}

function adaptersOf(side: unknown): string {
    const list = at(side, ['adapters']);
    if (!Array.isArray(list) || !list.length) return 'none';
    return list.map((adapter) => `${textAt(adapter, ['file']).split('/').pop() ?? ''} ${textAt(adapter, ['scale'])}`.trim()).join(' + ');
}

/** A name, and the beginning of its hash where the same name stands for different things. */
function namesOf(sides: readonly unknown[], kind: 'model' | 'prompt'): string[] {
    const names = sides.map((side) => textAt(side, [kind, 'name']) || textAt(side, [kind, 'kind']));
    const hashes = sides.map((side) => textAt(side, [kind, 'sha256']));
    return names.map((name, i) => names.some((other, j) => other === name && hashes[i] !== hashes[j]) ? `${name} ${hashes[i].slice(0, 8)}`.trim() : name);
}

const kOther = ['top_k', 'flash_attention', 'max_tokens', 'mode', 'sampling'];

/** In what the runs differ, the models first; empty where the manifests do not say. */
export function runDifferences(runs: readonly Pick<Run, 'header'>[]): RunDifference[] {
    const identities = runs.map((run) => at(run.header.manifest, ['identity']));
    const candidates: RunDifference[] = (['base', 'aligned'] as const).flatMap((name) => {
        const sides = identities.map((identity) => at(identity, [name]));
        return [
            {what: `${name} model`, values: namesOf(sides, 'model')},
            {what: `${name} weights`, values: sides.map((side) => textAt(side, ['model', 'weight_type']))},
            {what: `${name} adapters`, values: sides.map(adaptersOf)},
            {what: `${name} prompt`, values: namesOf(sides, 'prompt')},
        ];
    });
    for (const what of kOther) candidates.push({what: what.replaceAll('_', ' '), values: identities.map((identity) => JSON.stringify(at(identity, [what])) ?? '')});
    return candidates.filter(({values}) => new Set(values).size > 1);
}
