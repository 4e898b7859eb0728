// Judged runs out of the page's data blocks (docs/report.md): per run the computed numbers and every record. Items of
// several runs belong together when id and instruction are equal. Names come from files, so they are keys of maps.

import {parseBlock} from '../page/blocks';

/** [low, high] of a 95 % interval. */
export type Interval = [number, number];

/** A mean of verdicts; `mean` null: withheld, or of nothing. */
export interface Measure {
    mean: number | null;
    ci95: Interval | null;
    n?: number;
    unscored?: number;
    not_applicable?: number;
}

export type Breakdown = 'task' | 'topic' | 'source' | 'difficulty';
export const kBreakdowns: readonly Breakdown[] = ['task', 'topic', 'source', 'difficulty'];

export interface TagGroup {
    n: number;
    aspects: Map<string, Measure>;
}

export interface WinRate {
    wins: number;
    ties: number;
    losses: number;
    flips: number;
    both_orders: number;
    unscored: number;
    withheld: boolean;
    rate: number | null;
    ci95: Interval | null;
    length_controlled: number | null;
    length_controlled_ci95: Interval | null;
}

export interface Turns {
    withheld: boolean;
    unscored: number;
    parts: Map<string, Measure>;       // "turn 1", "turn 2", "overall"
    categories: Map<string, Measure>;
}

export interface Agreement {
    raters: number;
    units: number;
    alpha: {value: number | null; ci95: Interval | null};
    exact: {value: number | null; ci95: Interval | null};
}

export interface Bill {
    attempts: number;
    failed: number;
    prompt_tokens: number;
    completion_tokens: number;
    cost_usd: number;
    unpriced: number;
}

export interface Result {
    withheld: boolean;
    records: number;
    verdicts: number;
    unscored: number;
    refused: number;
    steering: number;
    avg: number | null;
    avg_ci95: Interval | null;
    len: number | null;
    isOriginal: boolean;                           // counted as the original authors did
    aspects: Map<string, Measure> | null;          // of runs with scores
    breakdowns: Map<Breakdown, Map<string, TagGroup>>;
    winRates: Map<string, Map<string, WinRate>> | null;
    mtBench: Map<string, Turns> | null;
    agreement: Map<string, Agreement>;
    bill: Bill | null;
}

export interface Answer {
    output: string;
    generator: string;
    follow_ups?: string[];
}

interface RawVerdict {
    score?: number;
    preference?: string;
    labels?: string[];
    not_applicable?: boolean;
    unscored?: string;
    reason?: string;
    raw?: string;
}

export interface Verdict {
    kind: 'score' | 'preference' | 'labels' | 'not_applicable' | 'unscored';
    score: number;    // NaN where it is none
    text: string;     // what was said, in words
    reason: string;
}

export interface JudgedRecord {
    id: string;
    instruction: string;
    follow_ups: string[];
    references: string[];
    tags: Record<Facet, string[]>;
    answer: Answer;
    other: Answer | null;
    judge: string;
    rubric: string;
    rubric_version: string;
    turn: number;
    attempts: number;
    reply: string;
    steering: string[];
    verdicts: Map<string, Verdict>;
}

export type Facet = Breakdown | 'category';

export interface JudgedRun {
    index: number;
    label: string;
    manifest: unknown;
    result: Result;
    records: JudgedRecord[];
    scale: [number, number];   // of the scores
}

export interface Difference {
    mean: number | null;
    ci95: Interval | null;
    p_value: number | null;
    p_holm?: number | null;
    n: number;
    unpaired: number;
}

export interface RunDifference {
    run: string;
    against: string;
    aspects: Map<string, Difference>;
}

export interface Colours {
    base: string;
    run: string;
    unshifted: number;
    marginal: number;
    shifted: number;
    kl: number | null;
    answers: Map<string, [number, string][]>;   // id -> [class 1 to 3, text]
}

/** The page's header as it stands in the file. */
export interface Header {
    title: string;
    shift: {address: string; ids: string[]};
    shown_runs: number;
    runs: {label: string; manifest: unknown; result: RawResult}[];
    differences: {run: string; against: string; aspects: Record<string, Difference>}[];
    colours?: Omit<Colours, 'answers'>[];
}

type Json = Record<string, unknown>;
type RawResult = Json & Partial<Omit<Result, 'aspects' | 'agreement'>>;

/** The own entries of an object from a file, where any name may stand. */
function mapOf<T>(object: unknown): Map<string, T> {
    return new Map(Object.entries((object ?? {}) as Record<string, T>));
}

function mapped<T, U>(object: unknown, change: (value: T, name: string) => U): Map<string, U> {
    return new Map([...mapOf<T>(object)].map(([name, value]) => [name, change(value, name)]));
}

function readGroup(raw: Json): TagGroup {
    const aspects = mapOf<Measure>(raw);
    aspects.delete('n');
    return {n: Number(raw.n), aspects};
}

function readTurns(raw: Json): Turns {
    const of = (name: string): Measure => ({mean: (raw[name] ?? null) as number | null, ci95: (raw[`${name}_ci95`] ?? null) as Interval | null});
    const intervals = mapOf<Interval | null>(raw.categories_ci95);
    return {withheld: Boolean(raw.withheld), unscored: Number(raw.unscored),
            parts: new Map([['turn 1', of('turn_1')], ['turn 2', of('turn_2')], ['overall', of('overall')]]),
            categories: mapped<number | null, Measure>(raw.categories, (mean, name) => ({mean, ci95: intervals.get(name) ?? null}))};
}

function readResult(raw: RawResult): Result {
    return {
        withheld: Boolean(raw.withheld), records: raw.records ?? 0, verdicts: raw.verdicts ?? 0, unscored: raw.unscored ?? 0,
        refused: raw.refused ?? 0, steering: raw.steering ?? 0, avg: raw.avg ?? null, avg_ci95: raw.avg_ci95 ?? null, len: raw.len ?? null,
        isOriginal: Boolean(raw.report),
        aspects: raw.aspects ? mapOf<Measure>(raw.aspects) : null,
        breakdowns: new Map(kBreakdowns.map((name) => [name, mapped<Json, TagGroup>(raw[name], readGroup)])),
        winRates: raw.win_rates ? mapped<Json, Map<string, WinRate>>(raw.win_rates, (aspects) => mapOf<WinRate>(aspects)) : null,
        mtBench: raw.mt_bench ? mapped<Json, Turns>(raw.mt_bench, readTurns) : null,
        agreement: mapOf<Agreement>(raw.agreement),
        bill: raw.bill ?? null,
    };
}

function readVerdict(raw: RawVerdict): Verdict {
    const reason = raw.reason ?? raw.raw ?? '';
    if (raw.score !== undefined) return {kind: 'score', score: raw.score, text: String(raw.score), reason};
    if (raw.preference !== undefined) return {kind: 'preference', score: NaN, text: raw.preference, reason};
    if (raw.labels !== undefined) return {kind: 'labels', score: NaN, text: raw.labels.join(', '), reason};
    if (raw.not_applicable !== undefined) return {kind: 'not_applicable', score: NaN, text: 'not applicable', reason};
    return {kind: 'unscored', score: NaN, text: `unscored: ${raw.unscored ?? 'not known'}`, reason};
}

function readRecord(raw: Json): JudgedRecord {
    const list = (value: unknown): string[] => value === undefined || value === null ? [] : [value].flat().map(String);
    const text = (value: unknown): string => value === undefined || value === null ? '' : String(value);
    return {
        id: text(raw.id), instruction: text(raw.instruction), follow_ups: list(raw.follow_ups), references: list(raw.references),
        tags: {task: list(raw.task), topic: list(raw.topic), source: list(raw.dataset), difficulty: list(raw.difficulty), category: list(raw.category)},
        answer: raw.answer as Answer, other: (raw.other ?? null) as Answer | null,
        judge: text(raw.judge), rubric: text(raw.rubric), rubric_version: text(raw.rubric_version), turn: Number(raw.turn), attempts: Number(raw.attempts),
        reply: text(raw.reply), steering: list(raw.steering),
        verdicts: mapped<RawVerdict, Verdict>(raw.verdicts, readVerdict),
    };
}

const kTops = [5, 10];

/** The scale of the scores: rubrics' scales begin at 1 and end at 5 or 10, which the scores say; a score outside widens it. */
function scaleOf(records: readonly JudgedRecord[]): [number, number] {
    let low = 1;
    let high = 1;
    for (const {verdicts} of records) {
        for (const {score} of verdicts.values()) {
            if (score < low) low = score;
            if (score > high) high = score;
        }
    }
    return [Math.floor(low), kTops.find((top) => top >= high) ?? Math.ceil(high)];
}

export async function loadRuns(header: Header): Promise<JudgedRun[]> {
    return Promise.all(header.runs.map(async ({label, manifest, result}, index) => {
        const records = (await parseBlock<Json[]>(`run-${index}-records`)).map(readRecord);
        return {index, label, manifest, result: readResult(result), records, scale: scaleOf(records)};
    }));
}

/** What pairs of models found in the answers. */
export async function loadColours(header: Header): Promise<Colours[]> {
    return Promise.all((header.colours ?? []).map(async (colours, index) =>
        ({...colours, answers: mapOf<[number, string][]>(await parseBlock(`colours-${index}`))})));
}

export function differencesOf(header: Header): RunDifference[] {
    return header.differences.map(({run, against, aspects}) => ({run, against, aspects: mapOf<Difference>(aspects)}));
}

/** One column of a card: what one generator answered in one run, and all that was said about it. */
export interface AnswerColumn {
    generator: string;
    answer: Answer;
    records: JudgedRecord[];
}

function answersOf(records: readonly JudgedRecord[]): AnswerColumn[] {
    const columns = new Map<string, AnswerColumn>();
    for (const record of records) {
        if (record.other) continue;
        const {generator} = record.answer;
        const column = columns.get(generator) ?? {generator, answer: record.answer, records: []};
        column.records.push(record);
        columns.set(generator, column);
    }
    return [...columns.values()];
}

export type Choice = 'first' | 'second' | 'tie';

/** One of the orders in which two answers were shown; `straight`: the first one came first. */
export interface Order {
    record: JudgedRecord;
    straight: boolean;
    choices: Map<string, {choice: Choice | null; verdict: Verdict}>;
}

/** Records about the same two generators, seen from the first one. */
export interface Comparison {
    first: Answer;
    second: Answer;
    record: JudgedRecord;
    orders: Order[];
}

function choiceOf({kind, text}: Verdict, straight: boolean): Choice | null {
    if (kind !== 'preference') return null;
    return text === 'tie' ? 'tie' : (text === 'A') === straight ? 'first' : 'second';
}

function comparisonsOf(records: readonly JudgedRecord[]): Comparison[] {
    const comparisons = new Map<string, Comparison>();
    for (const record of records) {
        if (!record.other) continue;
        const names = [record.answer.generator, record.other.generator];
        const key = JSON.stringify([[...names].sort(), record.judge, record.rubric, record.turn]);
        const comparison = comparisons.get(key) ?? {first: record.answer, second: record.other, record, orders: []};
        comparisons.set(key, comparison);
        const straight = record.answer.generator === comparison.first.generator;
        comparison.orders.push({record, straight, choices: new Map([...record.verdicts].map(([aspect, verdict]) =>
            [aspect, {choice: choiceOf(verdict, straight), verdict}]))});
    }
    return [...comparisons.values()];
}

/** The outcome of an aspect: 'flip' where the orders disagree, null where one was not read. */
export function outcomeOf(comparison: Comparison, aspect: string): Choice | 'flip' | null {
    const choices = comparison.orders.map((order) => order.choices.get(aspect)?.choice ?? null);
    if (choices.includes(null)) return null;
    return choices.every((choice) => choice === choices[0]) ? choices[0] : 'flip';
}

/** What one run has about an item. */
export interface OwnRecords {
    records: JudgedRecord[];
    answers: AnswerColumn[];
    comparisons: Comparison[];
}

export interface Item {
    id: string;
    instruction: string;
    follow_ups: string[];
    references: string[];
    tags: Record<Facet, string[]>;
    of: OwnRecords[];   // per run
}

export function pairItems(runs: readonly JudgedRun[]): Item[] {
    const items = new Map<string, Item>();
    for (const run of runs) {
        for (const record of run.records) {
            const key = JSON.stringify([record.id, record.instruction]);
            let item = items.get(key);
            if (!item) {
                const {id, instruction, follow_ups, references, tags} = record;
                item = {id, instruction, follow_ups, references, tags, of: runs.map(() => ({records: [], answers: [], comparisons: []}))};
                items.set(key, item);
            }
            item.of[run.index].records.push(record);
        }
    }
    for (const item of items.values()) {
        for (const own of item.of) {
            own.answers = answersOf(own.records);
            own.comparisons = comparisonsOf(own.records);
        }
    }
    return [...items.values()];
}

/** Names of aspects in order of appearance. */
export function aspectNames(runs: readonly JudgedRun[]): string[] {
    return [...new Set(runs.flatMap((run) => run.records.flatMap((record) => [...record.verdicts.keys()])))];
}
