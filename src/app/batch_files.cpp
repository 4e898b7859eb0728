#include "app/batch_files.h"

#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "app/answerers.h"
#include "app/sampling_settings.h"
#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/text.h"
#include "remote/served_model.h"

namespace urial::app {
namespace {

using nlohmann::ordered_json;

std::shared_ptr<const engine::Model> open_tokenizer(const GenerationExport& options, const Callbacks& callbacks) {
    if (options.tokenizer.model.empty()) return nullptr;
    if (options.prompt.prompt == kChatPrompt) {
        throw error(
            ErrorKind::BadInput,
            "--tokenizer {}: with --prompt {} the engine's own chat template makes the prompt, whose tokens are "
            "not known here; leave the option out",
            printable(options.tokenizer.model), kChatPrompt);
    }
    return open_model(options.tokenizer, callbacks);
}

/// The instructions that the manifest is about.
std::vector<generate::Instruction> exported_instructions(const GenerationImport& options,
                                                         const batch::RequestSet& set) {
    const fs::path input = exported_input(set, options.input, "instructions");
    return generate::select(generate::read_instructions(input), set.origin.value("limit", std::size_t{0}),
                            generate::parse_shard(set.origin.value("shard", "1/1")));
}

}  // namespace

ordered_json describe_tokenizer(const engine::Model* model) {
    if (model == nullptr) return nullptr;
    return {{"name", model->info().name}, {"sha256", model->info().content_hash}};
}

fs::path exported_input(const batch::RequestSet& set, const fs::path& input, std::string_view what) {
    const std::string named = set.origin.value("input", "");
    fs::path found = input.empty() ? fs::path(named) : input;
    if (input.empty() && named == "-") {
        throw error(ErrorKind::BadInput, "the {} came over standard input: name them with --input FILE", what);
    }
    if (!fs::exists(found)) {
        throw error(ErrorKind::NotFound, "{}: the {} of the requests are not there; name them with --input",
                    printable(found.string()), what);
    }
    if (sha256_file(found) != set.origin.value("input_sha256", "")) {
        throw error(ErrorKind::BadInput,
                    "{}: not the {} that were exported (their sha256 is another); name those with --input",
                    printable(found.string()), what);
    }
    return found;
}

ExportSummary export_generation(const std::vector<generate::Instruction>& instructions, const GenerationExport& options,
                                const Callbacks& callbacks) {
    const std::string model = served_name(options.model);
    const auto prompt = open_served_prompt(options.prompt, callbacks);
    const ordered_json identity = remote::served_identity(model, ordered_json::object(), *prompt);
    const std::vector<generate::Question> questions = generate::open_questions(identity, instructions, options.run);
    const auto tokenizer = open_tokenizer(options, callbacks);
    ExportSummary summary;
    summary.model = model;
    summary.answered = instructions.size() * static_cast<std::size_t>(options.run.samples) - questions.size();
    batch::RequestWriter writer(options.requests, options.overwrite);
    for (const generate::Question& question : questions) {
        const ordered_json line = batch::question_line(options.target, model, *prompt, question);
        batch::RequestNote note{.prompt_hash = {}, .chosen = prompt->retrieved(question.conversation)};
        if (tokenizer) note.prompt_hash = batch::hash_of_ids(prompt->tokenize(*tokenizer, question.conversation));
        writer.add(line, std::move(note));
    }
    writer.commit(
        {.kind = "generate",
         .target = options.target,
         .model = model,
         .generator = options.run.generator.empty() ? remote::served_generator(model, *prompt) : options.run.generator,
         .identity = generate::run_identity(identity, options.run),
         .answer_form = prompt->answer_form(),
         .origin = options.run.origin,
         .tokenizer = describe_tokenizer(tokenizer.get()),
         .custom_ids = {},
         .prompt_hashes = {},
         .chosen = {},
         .scored = {}});
    summary.requests = writer.size();
    summary.bytes = writer.bytes();
    return summary;
}

ImportSummary import_generation(const GenerationImport& options) {
    const batch::RequestSet set = batch::read_request_set(options.requests);
    const std::string where = batch::requests_manifest_path(options.requests).string();
    if (set.kind != "generate") {
        throw error(ErrorKind::BadInput, "{}: requests of \"{}\", whose results are no answers", where,
                    printable(set.kind));
    }
    generate::BatchOptions run = options.run;
    try {
        run.sampling = read_sampling(set.identity.at("sampling"), where + ": 'sampling'");
        run.samples = set.identity.at("samples").get<int>();
        run.origin = set.origin;
        const std::vector<generate::Instruction> instructions = exported_instructions(options, set);
        batch::ResultsAnswerer answerer(set, options.results, static_cast<std::size_t>(run.sampling.max_tokens));
        ImportSummary summary;
        summary.run = generate::run_batch(answerer, instructions, run);
        while (!(run.interrupted && run.interrupted()) && answerer.step()) {  // where nothing was open: to be counted
        }
        summary.results = answerer.counts();
        return summary;
    } catch (const ordered_json::exception& problem) {
        throw error(ErrorKind::BadInput, "{}: {}", where, printable(problem.what()));
    }
}

}  // namespace urial::app
