#include "app/shift_files.h"

#include <array>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "app/answerers.h"
#include "base/error.h"
#include "base/text.h"
#include "batch/scoring_requests.h"
#include "generate/generate.h"
#include "generate/instructions.h"
#include "remote/served_model.h"

namespace urial::app {
namespace {

using engine::Token;
using nlohmann::ordered_json;
using shift::ShiftItem;

constexpr std::size_t kAligned = 1;

/// One side of what is exported.
struct ExportedSide {
    std::string model;
    std::shared_ptr<const generate::PromptSource> prompt;
    std::optional<generate::PreparedPrompt> tokens;  // of a text, where there is a tokenizer

    ordered_json identity() const {
        return remote::scoring_identity(model, ordered_json::object(), *prompt, remote::Software::Vllm);
    }
    std::vector<Token> prompt_tokens(const ShiftItem& item) const { return tokens->tokenize(item.conversation); }
};

ExportedSide open_side(const SideChoice& choice, const ShiftExport& options,
                       const std::shared_ptr<const engine::Model>& tokenizer, const Callbacks& callbacks) {
    PromptChoice prompt{.prompt = choice.prompt};
    if (choice.prompt == kRetrievalPrompt) prompt.retrieval = options.retrieval;
    ExportedSide side{served_name(choice.model), open_served_prompt(prompt, callbacks), std::nullopt};
    if (tokenizer && side.prompt->is_text()) side.tokens.emplace(tokenizer, side.prompt);
    return side;
}

/// The text that becomes the answer's tokens, and these where they are known.
struct ExportedAnswer {
    std::string text;
    std::vector<Token> tokens;
};

/// The text of an answer beside its token ids lacks control tokens, such as the one that ends it: `pieces` has them.
std::string text_beside_ids(const ShiftItem& item) {
    const std::string text = item.answer_text.value_or("");
    const auto pieces = item.fields.find("pieces");
    if (pieces == item.fields.end() || !pieces->is_array() || pieces->size() != item.answer_ids.size()) return text;
    std::string joined;
    for (const ordered_json& piece : *pieces) joined += piece.is_string() ? piece.get<std::string>() : "";
    return joined.starts_with(text) ? joined : text;
}

ExportedAnswer answer_of(const ShiftItem& item, const ExportedSide& aligned, const engine::Model* tokenizer) {
    ExportedAnswer answer{.text = {}, .tokens = item.answer_ids};
    if (answer.tokens.empty()) {
        if (tokenizer == nullptr) {
            throw error(ErrorKind::BadInput,
                        "item {}: the answer is a text, and which tokens it is must be known to tell them from the "
                        "prompt's: give --tokenizer FILE.gguf, or answers with \"answer_ids\"",
                        printable(item.id));
        }
        answer.text = item.answer_text.value();
        answer.tokens = aligned.tokens
                            ? aligned.tokens->answer_tokens(item.conversation, aligned.prompt_tokens(item), answer.text)
                            : tokenizer->tokenize(answer.text, {});
        if (answer.tokens.empty()) throw error(ErrorKind::BadInput, "item {}: the answer has no tokens", item.id);
        return answer;
    }
    if (tokenizer == nullptr) {
        answer.text = text_beside_ids(item);
    } else {
        shift::check_ids(item, item.answer_ids, "answer_ids", tokenizer->info().vocabulary_size);
        for (const Token token : answer.tokens) answer.text += tokenizer->piece(token, /*special=*/true);
    }
    if (answer.text.empty()) {
        throw error(ErrorKind::BadInput, "item {}: \"answer_ids\" needs its text in \"answer\", or --tokenizer",
                    printable(item.id));
    }
    return answer;
}

void refuse_prompt_ids(const ShiftItem& item) {
    if (item.base_prompt_ids.empty() && item.aligned_prompt_ids.empty()) return;
    throw error(ErrorKind::BadInput,
                "item {}: prompts given as token ids cannot be exported, as engines that work through files take texts",
                printable(item.id));
}

std::string whole_hash(const ExportedSide& side, const ShiftItem& item, const std::vector<Token>& answer) {
    if (!side.tokens) return "";
    std::vector<Token> tokens = side.prompt_tokens(item);
    tokens.insert(tokens.end(), answer.begin(), answer.end());
    return batch::hash_of_tokens(tokens);
}

/// The answers that the manifest is about.
std::vector<ShiftItem> exported_items(const ShiftImport& options, const batch::RequestSet& set,
                                      const Callbacks& callbacks) {
    const fs::path input = exported_input(set, options.input, "answers");
    return generate::select(read_shift_answers(input, callbacks), set.origin.value("limit", std::size_t{0}),
                            generate::parse_shard(set.origin.value("shard", "1/1")));
}

}  // namespace

ExportSummary export_shift(const std::vector<ShiftItem>& items, const ShiftExport& options,
                           const Callbacks& callbacks) {
    std::shared_ptr<const engine::Model> tokenizer;
    if (!options.tokenizer.model.empty()) tokenizer = open_model(options.tokenizer, callbacks);
    return export_shift(items, options, tokenizer, callbacks);
}

ExportSummary export_shift(const std::vector<ShiftItem>& items, const ShiftExport& options,
                           const std::shared_ptr<const engine::Model>& tokenizer, const Callbacks& callbacks) {
    const std::array<ExportedSide, 2> sides{open_side(options.base, options, tokenizer, callbacks),
                                            open_side(options.aligned, options, tokenizer, callbacks)};
    const ordered_json identity =
        shift::identity_of_pair(sides[0].identity(), sides[kAligned].identity(), options.top_k);
    const auto open = shift::open_items(identity, items, options.rest_of);
    batch::RequestWriter writer(options.requests, options.overwrite,
                                {batch::kPairParts.begin(), batch::kPairParts.end()});
    for (std::size_t part = 0; part < sides.size(); ++part) {
        for (const std::string_view sample : shift::vocabulary_samples()) {
            writer.add(batch::sample_line(sides[part].model, sample), {}, part);
        }
    }
    std::vector<batch::ScoredNote> scored;
    for (const ShiftItem* item : open) {
        refuse_prompt_ids(*item);
        const ExportedAnswer answer = answer_of(*item, sides[kAligned], tokenizer.get());
        for (std::size_t part = 0; part < sides.size(); ++part) {
            const ExportedSide& side = sides[part];
            writer.add(batch::scoring_line(side.model, *side.prompt, {item->conversation, answer.text, options.top_k}),
                       {}, part);
        }
        scored.push_back({.item = item->id,
                          .tokens = answer.tokens.size(),
                          .answer_hash = batch::hash_of_tokens(answer.tokens),
                          .base_hash = whole_hash(sides[0], *item, answer.tokens),
                          .aligned_hash = whole_hash(sides[kAligned], *item, answer.tokens)});
    }
    const std::size_t requests = writer.size();
    writer.commit({.kind = "shift",
                   .target = batch::Target::Vllm,
                   .model = sides[kAligned].model,
                   .generator = remote::served_generator(sides[kAligned].model, *sides[kAligned].prompt),
                   .identity = identity,
                   .answer_form = {},
                   .origin = options.origin,
                   .tokenizer = describe_tokenizer(tokenizer.get()),
                   .custom_ids = {},
                   .prompt_hashes = {},
                   .chosen = {},
                   .scored = std::move(scored)});
    return {.requests = requests,
            .answered = items.size() - open.size(),
            .bytes = writer.bytes(),
            .model = sides[kAligned].model};
}

std::vector<fs::path> shift_request_files(const fs::path& requests) {
    std::vector<fs::path> files;
    for (const char* part : batch::kPairParts) files.push_back(batch::requests_part(requests, part));
    files.push_back(batch::requests_manifest_path(requests));
    return files;
}

ShiftImportSummary import_shift(const ShiftImport& options, const Callbacks& callbacks) {
    const batch::RequestSet set = batch::read_request_set(options.requests);
    const std::string where = printable(batch::requests_manifest_path(options.requests).string());
    try {
        const std::vector<ShiftItem> items = exported_items(options, set, callbacks);
        shift::ShiftOptions run;
        run.folder = options.folder;
        run.overwrite = options.overwrite;
        run.top_k = set.identity.at("top_k");
        run.origin = set.origin;
        run.interrupted = options.interrupted;
        run.progress = options.progress;
        run.notice = options.notice;
        const auto open = shift::open_items(set.identity, items, options.overwrite ? fs::path() : options.folder);
        const batch::ScoredResults results(set, open, options.results, options.interrupted);
        ShiftImportSummary summary{.run = {}, .results = results.counts()};
        // Where records are, they were compared before.
        summary.is_compared = results.has_samples() || (!options.overwrite && open.size() < items.size());
        if (!summary.is_compared) {
            summary.run.progress.total = items.size();
            summary.run.missing = items.size();
            return summary;
        }
        const auto base = results.side(0);
        const auto aligned = results.side(kAligned);
        summary.run = shift::run_shift(*base, *aligned, items, run);
        summary.results.taken = summary.run.progress.done - summary.run.resumed;
        return summary;
    } catch (const ordered_json::exception& problem) {
        throw error(ErrorKind::BadInput, "{}: {}", where, printable(problem.what()));
    }
}

}  // namespace urial::app
