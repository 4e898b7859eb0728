#include "app/judging_files.h"

#include <memory>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "app/answerers.h"
#include "base/error.h"
#include "base/files.h"
#include "base/text.h"

namespace urial::app {
namespace {

using nlohmann::ordered_json;

/// A judge that only gives its name: what it says lies in a file.
class AbsentJudge final : public eval::Judge {
public:
    explicit AbsentJudge(std::string name) : name_(std::move(name)) {}
    const std::string& name() const override { return name_; }
    std::size_t count_tokens(const eval::JudgeRequest& request, const eval::Json&) const override {
        return eval::estimate_tokens(request.system) + eval::estimate_tokens(request.user);
    }
    eval::JudgeReply ask(const eval::JudgeRequest&, const eval::Json&, std::size_t) override {
        throw error(ErrorKind::Unavailable, "{} cannot be asked: its replies come in a file", name_);
    }

private:
    std::string name_;
};

std::string judge_name(const std::string& spec) {
    constexpr std::string_view kOpenAi = "openai:";
    return spec.starts_with(kOpenAi) ? spec.substr(kOpenAi.size()) : served_name(spec);
}

ordered_json describe(const JudgingExport& options) {
    const JudgedFiles& files = options.files;
    return {{"judging", static_cast<int>(options.judging)},
            {"answers", files.answers.name},
            {"others", files.others.name},
            {"rubric", files.rubric},
            {"tags", files.tags},
            {"where", files.items.where},
            {"ids", files.items.ids},
            {"subset", files.items.subset},
            {"limit", files.items.limit},
            {"shard", files.items.shard},
            {"max_tokens", options.max_tokens}};
}

NamedFile named_file(const ordered_json& name) {
    const auto text = name.get<std::string>();
    return {text, answers_file(text)};
}

/// What describe() gave.
JudgingExport exported(const batch::RequestSet& set) {
    const ordered_json& described = set.identity;
    JudgingExport options;
    const int judging = described.at("judging").get<int>();
    if (judging < 0 || judging > static_cast<int>(Judging::MtBench)) {
        throw error(ErrorKind::BadInput, "\"judging\" is {}: there is no such way to judge", judging);
    }
    options.judging = static_cast<Judging>(judging);
    options.files.answers = named_file(described.at("answers"));
    options.files.others = named_file(described.at("others"));
    options.files.rubric = described.at("rubric");
    options.files.tags = described.at("tags");
    ItemSelection& items = options.files.items;
    items.where = described.at("where");
    items.ids = described.at("ids");
    items.subset = described.at("subset");
    items.limit = described.at("limit");
    items.shard = described.at("shard");
    options.judge = set.model;
    options.max_tokens = described.at("max_tokens");
    return options;
}

eval::JudgeReply reply_of(batch::Result&& result, const std::string& requests) {
    eval::JudgeReply reply;
    reply.request = ordered_json{{"requests", requests}, {"custom_id", result.custom_id}}.dump();
    std::optional<eval::ChatReply> read;
    if (result.failure.empty()) read = eval::read_chat_reply(result.body);
    if (read) {
        reply.text = std::move(read->text);
        reply.usage = read->usage;
    } else {
        reply.failure = eval::JudgeFailure{.message = result.failure.empty() ? "the result is no chat completion"
                                                                             : std::move(result.failure)};
    }
    return reply;
}

}  // namespace

ExportSummary export_judging(const JudgingExport& options, const Callbacks& callbacks) {
    const std::string name = judge_name(options.judge);
    const std::vector<eval::JudgeTask> tasks = judge_tasks(options.judging, options.files, callbacks);
    AbsentJudge judge(name);
    eval::JudgeRunOptions run;
    run.folder = options.rest_of;
    run.judges = {{&judge, std::nullopt, {}}};
    run.max_tokens = options.max_tokens;
    batch::RequestWriter writer(options.requests, options.overwrite);
    for (const eval::OpenJudgement& open : eval::open_judgements(tasks, run)) {
        const eval::JudgeRequest request = eval::make_request(*open.task);
        const eval::Json body =
            eval::chat_request(name, request, eval::sent_schema(*open.task->rubric), options.max_tokens,
                               {.old_token_limit = options.target == batch::Target::Vllm});
        writer.add(batch::request_line(open.key, "/v1/chat/completions", body));
    }
    writer.commit({.kind = "judge",
                   .target = options.target,
                   .model = name,
                   .generator = {},
                   .identity = describe(options),
                   .answer_form = {},
                   .origin = origin_of(options.judging, options.files),
                   .tokenizer = nullptr,
                   .custom_ids = {},
                   .prompt_hashes = {},
                   .chosen = {},
                   .scored = {}});
    return {
        .requests = writer.size(), .answered = tasks.size() - writer.size(), .bytes = writer.bytes(), .model = name};
}

JudgingImportSummary import_judging(const JudgingImport& options, const Callbacks& callbacks) {
    const batch::RequestSet set = batch::read_request_set(options.requests);
    const std::string where = batch::requests_manifest_path(options.requests).string();
    JudgingExport made;
    try {
        made = exported(set);
    } catch (const ordered_json::exception& problem) {
        throw error(ErrorKind::BadInput, "{}: {}", printable(where), printable(problem.what()));
    }
    if (origin_of(made.judging, made.files) != set.origin) {
        throw error(ErrorKind::BadInput,
                    "{}: the answers are no longer those that were exported (their sha256 is another)",
                    printable(where));
    }
    const std::vector<eval::JudgeTask> tasks = judge_tasks(made.judging, made.files, callbacks);
    AbsentJudge judge(set.model);
    eval::JudgeRunOptions run;
    run.folder = options.folder;
    run.judges = {{&judge, std::nullopt, {{"batch", batch::name(set.target)}, {"temperature", 0}}}};
    if (!options.prices.empty()) {
        const eval::PriceTable prices = eval::load_prices(options.prices);
        if (const auto price = prices.find(set.model); price != prices.end()) run.judges[0].price = price->second;
    }
    run.max_tokens = made.max_tokens;
    run.origin = set.origin;
    run.interrupted = options.interrupted;
    run.progress = options.progress;
    run.notice = options.notice;
    batch::ResultReader reader(options.results, made.max_tokens);
    const std::string requests = options.requests.filename().string();
    JudgingImportSummary summary;
    summary.replies = eval::import_replies(tasks, run, [&]() -> std::optional<eval::KeyedReply> {
        std::optional<batch::Result> result = reader.next();
        if (!result) return std::nullopt;
        std::string key = result->custom_id;
        return eval::KeyedReply{std::move(key), reply_of(std::move(*result), requests)};
    });
    summary.unreadable = reader.unreadable();
    summary.first_unreadable = reader.first_unreadable();
    return summary;
}

std::string kind_of_requests(const std::filesystem::path& requests) {
    std::string kind = batch::read_request_set(requests).kind;
    if (kind == "generate" || kind == "judge" || kind == "shift") return kind;
    throw error(ErrorKind::BadInput, "{}: requests of \"{}\", which this urial does not read",
                printable(batch::requests_manifest_path(requests).string()), printable(kind));
}

}  // namespace urial::app
