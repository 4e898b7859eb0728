// The percentages of Lin et al., "The Unlocking Spell on Base LLMs", arXiv 2312.01552, Figure 3: facts to compare with.

export const kPaper = 'Lin et al., arXiv 2312.01552, Figure 3';

export const kPublished: readonly {base: string; aligned: string; shares: readonly [number, number, number]}[] = [
    {base: 'Llama-2-7b', aligned: 'Llama-2-7b-chat', shares: [0.777, 0.145, 0.078]},
    {base: 'Llama-2-7b', aligned: 'Vicuna-7b-v1.5', shares: [0.824, 0.128, 0.048]},
    {base: 'Mistral-7B', aligned: 'Mistral-7B-Instruct', shares: [0.822, 0.125, 0.052]},
];
